/** What makes the kernel as it is wanted: passes, peers, the underlay, and what keeps the store so. */
import { resolveBackend } from '../backends/index.js'
import { Departures } from '../control/endpoints/departures.js'
import { Floating } from '../control/floating/floating.js'
import { Presence } from '../control/hosts/presence.js'
import { Twins } from '../control/hosts/twins.js'
import { Inquiries } from '../control/inquiries/inquiries.js'
import { Misses } from '../control/passes/misses.js'
import { Reconciler } from '../control/passes/reconciler.js'
import { Upkeep } from '../control/passes/upkeep.js'
import { BlockPeers, type PoolRecords } from '../control/peers/block-peers.js'
import { type Followed, Peers } from '../control/peers/peers.js'
import { Probes, type ProbesParts } from '../control/probes/probes.js'
import { chores } from '../control/records/chores.js'
import { OwnRecords } from '../control/records/own-records.js'
import { Restoration } from '../control/records/restoration.js'
import type { TraceParts } from '../control/trace/parts.js'
import { answerTraces, Trace } from '../control/trace/trace.js'
import { PathMtu } from '../control/underlay/path-mtu.js'
import { UnderlaySource } from '../control/underlay/underlay-source.js'
import { poolsOf } from '../core/pools.js'
import type { Network } from '../core/types.js'
import { wireDockerd } from './dockerd.js'
import type { WireOptions } from './options.js'
import type { State } from './state.js'

export type Control = ReturnType<typeof wireControl>

const now = (): number => performance.now()

/** What makes the kernel as it is wanted, and keeps it and the store so. */
export function wireControl(options: WireOptions, state: State) {
  const { config, store, dataplane, greeting, logger, times } = options
  const { identity, journal, outbox, vtep } = state
  const port = config.vxlanPort
  const peers = new Peers({
    store,
    self: identity.id,
    logger,
    follows: (key) => followed(state.blocks.care, journal.bindingOf(key)?.network),
    ...times,
  })
  const underlay = new UnderlaySource({
    dataplane,
    advertise: config.advertise,
    port,
    logger,
    onKnown: (known) => {
      vtep.current = known.vtep
      peers.useUnderlay(known)
      void outbox.submit(chores.publishHost())
      greeting.greet(known.vtep, peers.hosts())
      own.twins.look(peers.hosts())
      reconciler.markAll()
      paths.trigger()
    },
  })
  const shared = { journal, peers, dataplane, logger, ...times }
  const reconciler = new Reconciler({
    ...shared,
    self: identity.id,
    blocks: state.blocks.routed,
    underlay,
    port,
  })
  followBlocks(state, reconciler)
  const departures = new Departures({ ...shared, reconciler })
  const misses = new Misses({ ...shared, reconciler, now })
  const floating = new Floating({ ...state, peers, reconciler, logger })
  const own = wireIdentity(options, state, peers)
  const paths = new PathMtu({ ...state, dataplane, peers, underlay, logger })
  const dockerd = wireDockerd(options, state, peers)
  const records = new OwnRecords({ ...shared, outbox, now })
  const upkeep = new Upkeep({ reconciler, records, logger })
  const onRestored = (): void => {
    reconciler.markAll()
    dockerd.ranges.rewrite()
    dockerd.board.rewrite()
    dockerd.sync?.trigger()
  }
  const restoration = new Restoration({ ...state, ...shared, store, now, onRestored })
  const seen = { peers, underlay, reconciler, ...own, ...dockerd }
  const kernel = { peers, underlay, reconciler, departures, misses, floating, paths }
  const looks = wireLooks(options, state, seen)
  return { ...kernel, ...looks, records, upkeep, restoration, ...own, ...dockerd }
}

/** What people look with, on this host and on others. */
function wireLooks(
  { dataplane, docker }: WireOptions,
  state: State,
  control: Omit<
    TraceParts,
    'identity' | 'journal' | 'store' | 'docker' | 'dataplane' | 'inquiries'
  > & {
    readonly inquiries: Inquiries
  } & Pick<ProbesParts, 'peers' | 'underlay' | 'reconciler'>,
) {
  const probes = new Probes({ ...state, ...control, dataplane })
  const trace = new Trace({ ...state, ...control, dataplane, docker })
  answerTraces(trace, control.inquiries)
  return { probes, trace }
}

function followBlocks({ blocks, journal }: State, reconciler: Reconciler): void {
  blocks.onBlocksChanged((ref) => {
    for (const { dockerNetwork, network } of journal.bindings.values()) {
      const isTheirs = network.space === ref.space && poolsOf(network).includes(ref.pool)
      if (isTheirs) reconciler.mark(dockerNetwork)
    }
  })
}

/** Of a routed network the blocks; its endpoints for their names only, and the own ones for upkeep. */
function followed(records: PoolRecords, network: Network | undefined): Followed {
  if (network === undefined || resolveBackend(network.backend).follows === 'endpoints')
    return { endpoints: 'all' }
  return {
    endpoints: network.dns === false ? 'own' : 'all',
    blocks: new BlockPeers(records, network),
  }
}

/** What speaks in this host's name: a copy of its disk must not. */
function wireIdentity(options: WireOptions, state: State, peers: Peers) {
  const { store, identity, outbox } = state
  const { logger } = options
  const presence = new Presence({ store, identity, logger })
  const twins = new Twins({ ...state, publish: () => void outbox.submit(chores.publishHost()) })
  const hosts = () => peers.hosts()
  const inquiries = new Inquiries({ store: options.store, identity, hosts, logger })
  return { presence, twins, inquiries }
}
