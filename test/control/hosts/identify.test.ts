import { rmSync } from 'node:fs'
import t from 'tap'
import { identify } from '../../../src/control/hosts/identify.js'
import { letGo } from '../../../src/control/records/recovery.js'
import type { Ip } from '../../../src/core/ip.js'
import { givenUp } from '../../../src/state/identity.js'
import { Journal } from '../../../src/state/journal.js'
import { keys } from '../../../src/state/keys.js'
import { folder } from '../../fakes/folder.js'
import { MemoryStore } from '../../fakes/memory-store.js'
import { RecordingLogger } from '../../fakes/recording-logger.js'

/** What a plugin does before it takes calls. */
async function start(store: MemoryStore, dir: string, run: string, vtep: string, isShared = true) {
  const logger = new RecordingLogger()
  const found = await identify({
    config: { advertise: '', store: { endpoints: isShared ? ['http://x'] : [] } } as never,
    store,
    paths: { data: `${dir}/data`, run: `${dir}/${run}` },
    dataplane: { underlay: async () => ({ vtep: vtep as Ip, mtu: 1500 }) as never },
    logger,
  })
  return { ...found, logger }
}

const announce = ({ store, identity }: Awaited<ReturnType<typeof start>>) =>
  store.txn([], [{ put: keys.alive(identity.id), value: JSON.stringify({ boot: identity.boot }) }])

t.test('a copy has an id of its own and lets go of what the first owes', async (t) => {
  const dir = folder(t)
  const store = new MemoryStore()
  const first = await start(store, dir, 'run1', '192.0.2.1')
  await announce(first)
  const journal = new Journal(`${dir}/data/journal`, first.logger)
  journal.blocks.put({ space: 's', pool: '10.0.0.0/16', block: '10.0.0.0/26' } as never)
  const copy = await start(store, dir, 'run2', '192.0.2.2')
  t.not(copy.identity.id, first.identity.id)
  t.equal(givenUp(`${dir}/data`), first.identity.id)
  letGo({ journal, identity: copy.identity, logger: copy.logger, dataDir: `${dir}/data` })
  t.equal([...journal.blocks.values()].length, 0)
  t.equal(givenUp(`${dir}/data`), undefined)
  await announce(copy)
  t.equal((await store.keys('/alive/')).length, 2)
})

t.test('a reboot, a reinstall, a store that is away and an embedded one keep the id', async (t) => {
  const dir = folder(t)
  const store = new MemoryStore()
  const { id } = (await start(store, dir, 'run', '192.0.2.1')).identity
  rmSync(`${dir}/run`, { recursive: true })
  const rebooted = await start(store, dir, 'run', '192.0.2.1')
  t.equal(rebooted.identity.id, id)
  await announce(rebooted)
  rmSync(`${dir}/data`, { recursive: true })
  t.equal((await start(store, dir, 'run', '192.0.2.1')).identity.id, id)
  t.equal((await start(store, dir, 'run2', '192.0.2.9', false)).identity.id, id)
  store.unavailable = true
  t.equal((await start(store, dir, 'run3', '192.0.2.9')).identity.id, id)
})
