/** The composition root: makes the parts, wires them, starts and stops them in order. */
import { join } from 'node:path'
import { AdminServer } from './admin/server.js'
import { DockerApi } from './control/dockerd/docker-api.js'
import { TsoverlayDriver } from './control/driver.js'
import { Departures } from './control/endpoints/departures.js'
import { Endpoints } from './control/endpoints/endpoints.js'
import { MacClaims } from './control/endpoints/mac-claims.js'
import { Floating } from './control/floating/floating.js'
import { Greeting } from './control/hosts/greeting.js'
import { type Identified, identify } from './control/hosts/identify.js'
import { Presence } from './control/hosts/presence.js'
import { Twins } from './control/hosts/twins.js'
import { Names } from './control/names/names.js'
import { Networks } from './control/networks/networks.js'
import { TakenVnis } from './control/networks/taken-vnis.js'
import { ClusterView } from './control/operator/cluster-view.js'
import { HostRemoval } from './control/operator/host-removal.js'
import { statusOf } from './control/operator/status.js'
import { Misses } from './control/passes/misses.js'
import { Reconciler } from './control/passes/reconciler.js'
import { Upkeep } from './control/passes/upkeep.js'
import { Peers } from './control/peers/peers.js'
import { ClusterRanges } from './control/ranges/cluster-ranges.js'
import { OwnRanges } from './control/ranges/own-ranges.js'
import {
  choreHandlers,
  chores,
  isRouted,
  usageOf,
  usedAddresses,
  type VtepSource,
} from './control/records/chores.js'
import { ForeignAddresses } from './control/records/foreign-addresses.js'
import { OwnRecords } from './control/records/own-records.js'
import { letGo, recoverJournal } from './control/records/recovery.js'
import { Restoration } from './control/records/restoration.js'
import { isStartCall, Restarts } from './control/restarts/restarts.js'
import { SwarmAllocation } from './control/swarm/allocation.js'
import { DockerSweep } from './control/sweeps/docker-sweep.js'
import { SwarmSweep } from './control/sweeps/swarm-sweep.js'
import { NetworkSync } from './control/sync/network-sync.js'
import { forgetNames } from './control/sync/steps.js'
import { Problems } from './control/troubles/problems.js'
import { TroubleBoard } from './control/troubles/trouble-board.js'
import { PathMtu } from './control/underlay/path-mtu.js'
import { UnderlaySource } from './control/underlay/underlay-source.js'
import type { Config } from './core/config.js'
import { HOST } from './core/plan.js'
import type { Dataplane, Logger, Store } from './core/ports.js'
import { Resolver } from './dns/server.js'
import type { AddressBook } from './ipam/address-book.js'
import { AddressPlan } from './ipam/address-plan.js'
import { BlockBook } from './ipam/block-book.js'
import { TsoverlayIpam } from './ipam/ipam-driver.js'
import { PoolTurns } from './ipam/pool-turns.js'
import type { Door } from './rpc/door.js'
import { createRpcServer } from './rpc/server.js'
import { Epoch } from './state/epoch.js'
import { Journal } from './state/journal.js'
import { SWARM } from './state/keys.js'
import { NetworkRepository } from './state/network-repository.js'
import { Outbox } from './state/outbox.js'
import { Publications } from './state/publications.js'

export interface Paths {
  /** kept over restarts and reboots */
  readonly data: string
  /** the host's /run/tsoverlay */
  readonly run: string
  /** where people ask */
  readonly admin: string
  /** dockerd's own socket */
  readonly docker: string
  /** sockets on which dockerd finds the driver */
  readonly sockets: readonly string[]
}

export interface DaemonOptions {
  readonly config: Config
  readonly paths: Paths
  readonly store: Store
  readonly dataplane: Dataplane
  readonly logger: Logger
  /** the sockets that are open already */
  readonly door: Door
}

export interface Daemon {
  close(): Promise<void>
}

/**
 * Starts everything and returns when the sockets answer; neither etcd nor the underlay has to be
 * there by then.
 */
export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const { config, paths, dataplane, logger } = options
  const state = wireState(options, await identify(options))
  const control = wireControl(options, state)
  const { rpc, admin, sweep, restarts } = wireServers(options, state, control)
  state.outbox.start()
  recoverJournal({ ...state, scope: config.scope, logger })
  // Announced before it looks at its blocks: host-removal.ts rests on this order.
  const announced = control.presence.start()
  if (config.scope === 'local') state.blocks.start(announced)
  if (control.sync === undefined) forgetNames(state.journal)
  dataplane.onMiss((miss) => control.misses.handle(miss))
  dataplane.onDrift((place) => control.reconciler.markPlace(place))
  dataplane.onHostChange(() => {
    void control.underlay.look()
    control.ranges.hostChanged()
    control.paths.routesChanged()
  })
  dataplane.onAnnouncement((heard) => control.floating.heard(heard))
  control.peers.start(
    (key) => {
      control.floating.peersChanged(key)
      control.reconciler.markKey(key)
      control.paths.trigger()
    },
    () => {
      control.reconciler.markPlace(HOST)
      control.greeting.greet(state.vtep.current, control.peers.hosts())
      control.twins.look(control.peers.hosts())
      control.paths.trigger()
    },
  )
  for (const endpoint of state.journal.endpoints.values()) control.peers.open(endpoint.network)
  await control.underlay.start()
  await control.reconciler.start()
  await control.paths.start()
  for (const socket of paths.sockets) await rpc.listen(socket)
  await admin.listen(paths.admin)
  if (config.metrics !== undefined) await admin.listenMetrics(config.metrics)
  logger.info({ host: state.identity.id, name: state.identity.name, scope: config.scope }, 'ready')
  control.ranges.start()
  if (control.sync !== undefined) control.board.start()
  control.sync?.start()
  control.names.start()
  control.upkeep.start()
  if (config.scope === 'local') control.restoration.start()
  sweep.start()
  const closing = async (): Promise<void> => {
    sweep.close()
    restarts?.close()
    await close(options, state, control, [rpc, admin])
  }
  return { close: closing }
}

/** In the order of who uses whom: no new calls, no new passes, then what they stand on. */
async function close(
  { store, dataplane }: DaemonOptions,
  { outbox, blocks }: State,
  control: Control,
  servers: readonly { close(): Promise<void> }[],
): Promise<void> {
  const { upkeep, underlay, peers, presence, reconciler, sync, restoration } = control
  for (const server of servers) await server.close()
  await control.departures.close()
  await sync?.close()
  await control.names.close()
  await control.ranges.close()
  await control.board.close()
  await control.paths.close()
  upkeep.close()
  await restoration.close()
  underlay.close()
  control.twins.close()
  peers.closeAll()
  await outbox.close()
  await blocks.close()
  await presence.close()
  await reconciler.close()
  await dataplane.close()
  await store.close()
}

type State = ReturnType<typeof wireState>
type Control = ReturnType<typeof wireControl>

/** What this host knows and owes; the outbox publishes the underlay, which comes later. */
function wireState(options: DaemonOptions, { identity, store }: Identified) {
  const { config, paths, dataplane, logger } = options
  const journal = new Journal(join(paths.data, 'journal'), logger, join(paths.run, 'journal'))
  letGo({ journal, identity, logger, dataDir: paths.data })
  const now = (): number => performance.now()
  const epoch = new Epoch({
    store: options.store,
    file: join(paths.data, 'store-seen.json'),
    logger,
    now,
  })
  const blocks = new BlockBook({
    beforeClaim: (signal) => epoch.settled(signal),
    store,
    host: identity.id,
    boot: identity.boot,
    shelf: journal.blocks,
    loans: journal.loans,
    used: (ref) => usedAddresses(journal, ref),
    usage: (ref) => usageOf(journal, ref),
    routed: (ref) => isRouted(journal, ref),
    logger,
    now,
  })
  // Swarm's leader changes hosts: there no host may decide alone.
  const book: AddressBook = config.scope === 'global' ? new AddressPlan(store, identity.id) : blocks
  const problems = new Problems(logger)
  const takenVnis = new TakenVnis({ dataplane, port: config.vxlanPort, logger })
  const avoid = () => takenVnis.numbers()
  const repository = new NetworkRepository(store, identity.id, avoid)
  const swarm = {
    plan: new AddressPlan(store, SWARM),
    repository: new NetworkRepository(store, SWARM, avoid),
  }
  const publications = new Publications(store, identity)
  const turns = new PoolTurns()
  const vtep: VtepSource = { current: undefined }
  const owned = { store, book, repository, publications, swarm, journal, identity, vtep, logger }
  const handlers = choreHandlers(owned)
  const outbox = new Outbox({ shelf: journal.chores, handlers, logger })
  const cluster = { repository, publications, swarm, takenVnis, epoch, turns }
  return { store, identity, journal, blocks, book, outbox, vtep, problems, ...cluster }
}

function wireControl(options: DaemonOptions, state: State) {
  const { config, store, dataplane, logger } = options
  const { identity, journal, outbox, vtep } = state
  const peers = new Peers({ store, self: identity.id, logger })
  const underlay = new UnderlaySource({
    dataplane,
    advertise: config.advertise,
    port: config.vxlanPort,
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
  const port = config.vxlanPort
  const greeting = new Greeting({ self: identity.id, port, logger })
  const reconciler = new Reconciler({
    self: identity.id,
    journal,
    blocks: state.blocks,
    peers,
    underlay,
    dataplane,
    port,
    logger,
  })
  const departures = new Departures({ journal, reconciler, dataplane, logger })
  const misses = new Misses({ journal, peers, reconciler, logger, now: () => performance.now() })
  const floating = new Floating({ ...state, peers, reconciler, logger })
  const own = wireIdentity(options, state)
  const paths = new PathMtu({ ...state, dataplane, peers, underlay, logger })
  const wired = wireDockerd(options, state, peers)
  const now = (): number => performance.now()
  const records = new OwnRecords({ journal, peers, outbox, logger, now })
  const upkeep = new Upkeep({ reconciler, records, logger })
  const onRestored = (): void => {
    reconciler.markAll()
    wired.ranges.rewrite()
    wired.board.rewrite()
    wired.sync?.trigger()
  }
  const restoration = new Restoration({ ...state, store, peers, logger, now, onRestored })
  return {
    peers,
    underlay,
    greeting,
    reconciler,
    departures,
    floating,
    upkeep,
    misses,
    restoration,
    paths,
    ...own,
    ...wired,
  }
}

/** What speaks in this host's name: a copy of its disk must not. */
function wireIdentity({ logger }: DaemonOptions, state: State) {
  const { store, identity, outbox } = state
  const presence = new Presence({ store, identity, logger })
  const twins = new Twins({ ...state, publish: () => void outbox.submit(chores.publishHost()) })
  return { presence, twins }
}

/** What asks dockerd and tells the cluster of it. */
function wireDockerd(options: DaemonOptions, state: State, peers: Peers) {
  const { config, paths, store, dataplane, logger } = options
  // In a swarm, swarm itself brings every network to every node.
  const isSynced = config.networkSync && config.scope === 'local'
  const docker = new DockerApi(paths.docker)
  const board = new TroubleBoard({ ...state, logger })
  const ranges = new OwnRanges({
    ...state,
    docker,
    dataplane,
    logger,
    isSynced,
    onProblems: (found) => {
      state.problems.report('ranges', found)
      board.tell('ranges', found)
    },
  })
  const clusterRanges = new ClusterRanges({ store, self: state.identity.id, own: ranges })
  const parts = {
    ...state,
    store,
    docker,
    dataplane,
    logger,
    onListed: ranges.dockerListed.bind(ranges),
    onProblems: (found: ReadonlyMap<string, string>) => board.tell('sync', found),
  }
  const sync = isSynced ? new NetworkSync(parts) : undefined
  const names = new Names({
    ...state,
    docker,
    peers,
    dataplane,
    logger,
    serve: (sockets, view) => Resolver.at({ sockets, view, logger }),
  })
  return { docker, board, ranges, clusterRanges, sync, names }
}

function wireServers(options: DaemonOptions, state: State, control: Control) {
  const { config, store, logger, door } = options
  const { book, swarm, outbox } = state
  const { underlay } = control
  const { scope } = config
  const foreign = new ForeignAddresses(book, outbox)
  const macs = new MacClaims(state)
  const endpoints = new Endpoints({ ...state, ...control, foreign, macs, logger })
  const chosen = scope === 'global' ? swarm.plan : book
  const occupied = { routes: () => control.clusterRanges.taken() }
  const synced = config.networkSync
  const ipam = new TsoverlayIpam({ ...state, dataplane: occupied, scope, synced, book: chosen })
  const addressSpaces = [ipam.localAddressSpace, ipam.globalAddressSpace] as const
  const networks = new Networks({
    ...state,
    ...control,
    scope,
    synced,
    addressSpaces,
    foreign,
    endpoints,
    logger,
  })
  const allocation = new SwarmAllocation({
    ...state,
    ...control,
    repository: swarm.repository,
    globalAddressSpace: ipam.globalAddressSpace,
    logger,
  })
  const restarts = restartsOf(options, state, control)
  const sweep = sweepOf(options, state, control, { endpoints, networks, restarts })
  const network = new TsoverlayDriver(scope, { networks, endpoints, swarm: allocation })
  const rpc = createRpcServer({
    network,
    ipam,
    logger,
    door,
    onRefused: (method) => isStartCall(method) && restarts?.noteRefusal(),
  })
  const admin = new AdminServer({
    status: () => statusOf({ ...state, ...control, underlay: () => underlay.summary() }),
    cluster: new ClusterView(store, state.identity),
    removal: new HostRemoval(store),
    names: control.names.report,
    statics: control.names.statics,
  })
  return { rpc, admin, sweep, restarts }
}

/** In a swarm, swarm itself starts its tasks anew. */
function restartsOf(
  { config, logger }: DaemonOptions,
  { journal }: State,
  { docker }: Control,
): Restarts | undefined {
  if (!config.restartContainers || config.scope === 'global') return undefined
  return new Restarts({ docker, journal, logger })
}

/** Finds what dockerd no longer has, where nobody tells. */
function sweepOf(
  { config, dataplane, logger }: DaemonOptions,
  state: State,
  { docker, sync }: Control,
  {
    endpoints,
    networks,
    restarts,
  }: { endpoints: Endpoints; networks: Networks; restarts: Restarts | undefined },
): { start(): void; close(): void } {
  const parts = { ...state, endpoints, networks, logger }
  if (config.scope === 'global') return new SwarmSweep({ ...parts, dataplane })
  const onForgotten = (): void => sync?.trigger()
  const onAnswered = (): void => restarts?.start()
  return new DockerSweep({
    ...parts,
    docker,
    now: () => performance.now(),
    onForgotten,
    onAnswered,
  })
}
