/** Uses a store in every way, closes it, and prints how long the process lives after that. */
import { createEtcdStore } from '../../src/state/etcd-store.js'

const endpoint = process.argv[2] ?? ''
const silent = { debug() {}, info() {}, warn() {}, error() {} }
const store = createEtcdStore({
  config: { endpoints: [endpoint], prefix: '/exit' },
  endpoints: [endpoint],
  logger: silent,
})
const watching = (async () => {
  for await (const _ of store.watch('/', new AbortController().signal));
})()
const given = new AbortController()
const slow = store.list('/', given.signal).catch(() => undefined)
const lease = await store.lease(30).catch(() => undefined)
await store.txn([], [{ put: '/a', value: '1', ...(lease && { lease }) }]).catch(() => undefined)
given.abort()
await slow
await store.close()
await watching
const closed = Date.now()
process.on('exit', () => process.stdout.write(`exit ${Date.now() - closed}\n`))
