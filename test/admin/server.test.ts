import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { type IncomingMessage, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { Registry } from 'prom-client'
import t from 'tap'
import { AdminServer } from '../../src/admin/server.js'
import { Events } from '../../src/control/events/events.js'
import { StaticNames } from '../../src/control/names/static-names.js'
import { ClusterView } from '../../src/control/operator/cluster-view.js'
import { HostRemoval } from '../../src/control/operator/host-removal.js'
import { PoolsView } from '../../src/control/operator/pools-view.js'
import type { StatusReport as Status } from '../../src/core/admin/status.js'
import { TsoverlayError } from '../../src/core/errors.js'
import { MemoryStore } from '../fakes/memory-store.js'
import { RecordingLogger } from '../fakes/recording-logger.js'

const NETWORK = {
  id: 'd0c4e7',
  key: 'k',
  identity: 'name:blue',
  name: 'blue',
  backend: 'overlay',
  sandbox: '1-d0c4e7',
  vnis: [256],
  subnets: ['10.20.0.0/16'],
  synced: true,
  floating: [],
  published: [],
}
const STATUS: Status = {
  host: { id: 'a', name: 'node-a', boot: '1', vtep: '192.0.2.1', mtu: 1500 },
  store: { reached: true, owed: 3 },
  networks: [
    { ...NETWORK, endpoints: 2, blocks: 1, held: [], peers: 5, parted: ['h2', 'h3'] },
    { ...NETWORK, endpoints: 1, blocks: 1, held: [], peers: 0, parted: ['h3'] },
  ],
  kernel: { passes: 7, written: 40, drift: 1, failures: 2 },
  admission: { inForce: true },
  misses: { known: 4, unknown: 9 },
  names: { namespaces: 2, questions: 9, answered: 5, passed: 3, lost: 1, faults: 6 },
  conflicts: [],
  problems: [],
}
const STORE = new MemoryStore()
const PARTS = () => ({
  registry: new Registry(),
  cluster: new ClusterView(STORE, { id: 'a' }),
  traffic: async () => ({ at: 0, endpoints: [] }),
  removal: new HostRemoval(STORE),
  env: {},
  log: { list: () => [] },
  pools: new PoolsView(STORE),
  events: new Events({ store: STORE, problems: { list: () => [] }, presence: { reached: true } }),
  doctor: { look: async () => undefined },
  names: { list: () => [], lookup: () => [] },
  live: {
    live: async () => {
      throw new TsoverlayError('NAME_UNKNOWN', 'nobody is called so')
    },
  },
  trace: { trace: async () => ({ from: 'web', to: 'db', hops: [] }) },
  insight: {
    namespaces: async () => [],
    links: async () => ({ links: [], ways: [] }),
    entries: async () => {
      throw new TsoverlayError('NETWORK_UNKNOWN', 'this host has none')
    },
  },
  statics: new StaticNames({ store: STORE, logger: new RecordingLogger() }),
})

async function get(socketPath: string, path: string): Promise<[IncomingMessage, string]> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    request({ socketPath, path }, resolve).on('error', reject).end()
  })
  return [response, await text(response)]
}

t.test('status and metrics come through a socket that only root can open', async (t) => {
  let status = STATUS
  const server = new AdminServer({ ...PARTS(), status: () => status })
  t.teardown(() => server.close())
  // tap's own folder would be too long for a socket (sun_path, 107 bytes)
  const dir = mkdtempSync(join(tmpdir(), 'tsoverlay-'))
  t.teardown(() => rmSync(dir, { recursive: true }))
  const socket = `${dir}/admin.sock`
  writeFileSync(socket, 'stale')
  await server.listen(socket)
  t.equal(statSync(socket).mode & 0o777, 0o600)
  t.ok(statSync(socket).isSocket())
  const [json, body] = await get(socket, '/status')
  t.match(json.headers['content-type'], /^application\/json/)
  t.strictSame(JSON.parse(body), STATUS)
  const [plain, metrics] = await get(socket, '/metrics')
  t.match(plain.headers['content-type'], /^text\/plain; version=0\.0\.4/)
  const lines = ['passes_total 7', 'kernel_writes_total 40', 'drift_total 1', 'networks 2']
  lines.push(
    'admission_in_force 1',
    'kernel_failures_total 2',
    'l3miss_known_total 4',
    'l3miss_unknown_total 9',
  )
  lines.push('store_reached 1', 'store_owed 3', 'endpoints 3', 'peers 5', 'hosts_parted 2')
  lines.push(
    'names_containers 2',
    'names_questions_total 9',
    'names_answered_total 5',
    'names_passed_total 3',
    'names_lost_total 1',
    'names_faults_total 6',
  )
  for (const line of lines) t.ok(metrics.split('\n').includes(`tsoverlay_${line}`), line)
  status = {
    ...STATUS,
    kernel: { ...STATUS.kernel, passes: 8 },
    store: { reached: false, owed: 0 },
  }
  const [, later] = await get(socket, '/metrics')
  t.match(later, /^tsoverlay_passes_total 8$/m)
  t.match(later, /^tsoverlay_store_reached 0$/m)
  t.equal((await get(socket, '/other'))[0].statusCode, 404)
})

t.test('the metrics address serves nothing but metrics', async (t) => {
  const server = new AdminServer({ ...PARTS(), status: () => STATUS })
  t.teardown(() => server.close())
  const port = 20_000 + (process.pid % 10_000)
  await server.listenMetrics({ host: '127.0.0.1', port })
  t.equal((await fetch(`http://127.0.0.1:${port}/metrics`)).status, 200)
  t.equal((await fetch(`http://127.0.0.1:${port}/status`)).status, 404)
})
