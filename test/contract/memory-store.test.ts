import t from 'tap'
import { MemoryData } from '../fakes/memory-data.js'
import { MemoryStore } from '../fakes/memory-store.js'
import { storeContract } from './store.contract.js'

const data = new MemoryData()
const stores = new Set<MemoryStore>()

await storeContract(t, {
  open: (prefix) => {
    const store = new MemoryStore(data, prefix)
    stores.add(store)
    return store
  },
  compact: async () => {
    for (const store of stores) store.compact()
  },
  interrupt: async (during) => {
    for (const store of stores) store.unavailable = true
    await during()
    for (const store of stores) store.unavailable = false
  },
})

t.test('failNext fails as often as told and does nothing', async (t) => {
  const store = new MemoryStore()
  store.failNext(2)
  for (const _ of [1, 2]) {
    await t.rejects(store.txn([], [{ put: '/a', value: '1' }]), { code: 'STORE_UNAVAILABLE' })
  }
  t.equal(await store.get('/a'), undefined)
})

t.test('loseNext does the transaction and fails all the same', async (t) => {
  const store = new MemoryStore()
  store.loseNext(1)
  await t.rejects(store.txn([], [{ put: '/a', value: '1' }]), { code: 'STORE_UNAVAILABLE' })
  t.match(await store.get('/a'), { value: '1' })
})

t.test('a lease is lost when its store is unavailable for longer than it lives', async (t) => {
  const store = new MemoryStore()
  const host = store.peer()
  const lease = await host.lease(0.2)
  await host.txn([], [{ put: '/a', value: '1', lease }])
  host.unavailable = true
  await new Promise((resolve) => {
    lease.lost.addEventListener('abort', resolve)
    setTimeout(resolve, 2_000)
  })
  t.equal(lease.lost.aborted, true)
  t.equal(await store.get('/a'), undefined)
})
