/**
 * Some of the simulated agents of `make bench-scale`, in one process: the real store client, watch,
 * mirror, peers and reconciler, over a dataplane without a kernel. Talks with scale.ts by IPC.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Reconciler } from '../../src/control/passes/reconciler.js'
import { Peers } from '../../src/control/peers/peers.js'
import { UnderlaySource } from '../../src/control/underlay/underlay-source.js'
import type { NeighbourPlan } from '../../src/core/plan.js'
import { HOST } from '../../src/core/plan.js'
import type { Logger } from '../../src/core/ports.js'
import { Journal } from '../../src/state/journal.js'
import { connect } from '../contract/real-store.js'
import { TrackedDataplane } from './scale-dataplane.js'
import {
  ageOf,
  endpointOf,
  hostOf,
  membership,
  networkOf,
  sharedNow,
  type World,
} from './scale-world.js'

export interface Order {
  readonly world: World
  readonly from: number
  readonly to: number
  readonly endpoint: string
}

export interface Report {
  readonly kind: 'ready' | 'lags'
  /** bytes for each agent */
  readonly bytes: number
  /** CPU of the process so far (s) */
  readonly cpu: number
  /** ms, of all events since the last report */
  readonly lags: readonly number[]
}

const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} }
const lags: number[] = []

/** Notes how old the news is that a pass makes true. */
function noteAge({ mac }: NeighbourPlan): void {
  const age = ageOf(mac, sharedNow())
  if (age !== undefined) lags.push(age)
}

async function startAgent(order: Order, at: number, dir: string): Promise<void> {
  const host = hostOf(at)
  const store = connect([order.endpoint])
  const dataplane = new TrackedDataplane(noteAge)
  dataplane.address = { vtep: host.vtep, mtu: 1500 }
  const journal = new Journal(join(dir, host.id), silent)
  const peers = new Peers({ store, self: host.id, logger: silent })
  const underlay = new UnderlaySource({
    dataplane,
    advertise: '',
    port: 4789,
    logger: silent,
    onKnown: () => undefined,
  })
  await underlay.start()
  const blocks = { ownBlocks: () => [] }
  const parts = { self: host.id, journal, peers, underlay, dataplane, blocks }
  const reconciler = new Reconciler({ ...parts, port: 4789, logger: silent })
  peers.start(
    (key) => reconciler.markKey(key),
    () => reconciler.markPlace(HOST),
  )
  for (const index of membership(order.world, at)) {
    const network = networkOf(index)
    // The id that dockerd would give it; a sandbox is named by its first ten characters.
    const dockerNetwork = index.toString().padStart(10, '0').padEnd(64, '0')
    journal.bindings.put({ dockerNetwork, network, ipam: 'tsoverlay' })
    const own = { ...endpointOf(index, 0, order.world), id: `${host.id}-${index}`, host: host.id }
    journal.endpoints.put({ ...own, dockerNetwork, joined: true })
    peers.open(network.key)
  }
  const limit = new AbortController()
  for (const index of membership(order.world, at)) {
    await peers.synced(networkOf(index).key, limit.signal)
  }
}

async function main(order: Order): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'tsoverlay-scale-'))
  process.on('exit', () => rmSync(dir, { recursive: true, force: true }))
  const before = process.memoryUsage().rss
  const agents = Array.from({ length: order.to - order.from }, (_, index) => order.from + index)
  for (const at of agents) await startAgent(order, at, dir)
  const tell = (kind: Report['kind']): void => {
    const { user, system } = process.cpuUsage()
    const bytes = (process.memoryUsage().rss - before) / agents.length
    process.send?.({
      kind,
      bytes,
      cpu: (user + system) / 1e6,
      lags: lags.splice(0),
    } satisfies Report)
  }
  tell('ready')
  process.on('message', () => tell('lags'))
}

process.on('disconnect', () => process.exit(0))
process.once('message', (order: Order) => void main(order))
