/** One plugin without its sockets, wired as src/daemon.ts does it, and the dockerd that calls it. */
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { TsoverlayDriver } from '../../src/control/driver.js'
import { Departures } from '../../src/control/endpoints/departures.js'
import { Endpoints } from '../../src/control/endpoints/endpoints.js'
import { MacClaims } from '../../src/control/endpoints/mac-claims.js'
import { Floating } from '../../src/control/floating/floating.js'
import { Presence } from '../../src/control/hosts/presence.js'
import { Networks } from '../../src/control/networks/networks.js'
import { TakenVnis } from '../../src/control/networks/taken-vnis.js'
import { type Status, statusOf } from '../../src/control/operator/status.js'
import { Admission } from '../../src/control/passes/admission.js'
import { Misses } from '../../src/control/passes/misses.js'
import { Reconciler } from '../../src/control/passes/reconciler.js'
import { Peers } from '../../src/control/peers/peers.js'
import { ClusterRanges } from '../../src/control/ranges/cluster-ranges.js'
import { OwnRanges } from '../../src/control/ranges/own-ranges.js'
import {
  choreHandlers,
  chores,
  isRouted,
  usageOf,
  usedAddresses,
  type VtepSource,
} from '../../src/control/records/chores.js'
import { ForeignAddresses } from '../../src/control/records/foreign-addresses.js'
import { OwnRecords } from '../../src/control/records/own-records.js'
import { recoverJournal } from '../../src/control/records/recovery.js'
import { SwarmAllocation } from '../../src/control/swarm/allocation.js'
import { SwarmSweep } from '../../src/control/sweeps/swarm-sweep.js'
import { Problems } from '../../src/control/troubles/problems.js'
import { UnderlaySource } from '../../src/control/underlay/underlay-source.js'
import { familyOf, type Ip } from '../../src/core/ip.js'
import type { AddressBook } from '../../src/ipam/address-book.js'
import { AddressPlan } from '../../src/ipam/address-plan.js'
import { BlockBook } from '../../src/ipam/block-book.js'
import { TsoverlayIpam } from '../../src/ipam/ipam-driver.js'
import { PoolTurns } from '../../src/ipam/pool-turns.js'
import { Epoch } from '../../src/state/epoch.js'
import { FencedStore } from '../../src/state/fenced-store.js'
import { loadIdentity } from '../../src/state/identity.js'
import { Journal } from '../../src/state/journal.js'
import { keys, SWARM } from '../../src/state/keys.js'
import { NetworkRepository } from '../../src/state/network-repository.js'
import { Outbox } from '../../src/state/outbox.js'
import { Publications } from '../../src/state/publications.js'
import { folder } from '../fakes/folder.js'
import { MemoryStore } from '../fakes/memory-store.js'
import { RecordingDataplane } from '../fakes/recording-dataplane.js'
import { RecordingLogger } from '../fakes/recording-logger.js'
import { Dockerd } from './dockerd.js'

/** 64 hexadecimal digits, as dockerd's ids are. */
export const idOf = (name: string): string => createHash('sha256').update(name).digest('hex')

export interface HostOptions {
  readonly store: MemoryStore
  /** holds data and run folders; the same one again is a restart */
  readonly dir: string
  readonly vtep: string
  readonly scope?: 'local' | 'global'
  /** NETWORK_SYNC=on */
  readonly synced?: boolean
  /** how long new blocks wait after the store has lost data; absent: nobody looks */
  readonly graceMs?: number
  /** how long a sandbox outlives its last container; absent: not at all */
  readonly lingerMs?: number
  /** the kernel outlives the plugin */
  readonly dataplane?: RecordingDataplane
}

export type TestHost = Awaited<ReturnType<typeof startHost>>

export async function startHost(options: HostOptions) {
  const { store, scope = 'local', synced = false } = options
  const dataplane = options.dataplane ?? new RecordingDataplane()
  dataplane.address = { vtep: options.vtep as Ip, mtu: 1500 }
  const logger = new RecordingLogger()
  const state = wireState(options, dataplane, logger, scope)
  const control = wireControl(store, dataplane, logger, state, options.lingerMs ?? 0)
  const foreign = new ForeignAddresses(state.book, state.outbox)
  const macs = new MacClaims(state)
  const endpoints = new Endpoints({ ...state, ...control, foreign, macs, logger })
  const { clusterRanges } = control
  const book = scope === 'global' ? state.swarm.plan : state.book
  const occupied = { routes: () => clusterRanges.taken() }
  const ipam = new TsoverlayIpam({ ...state, dataplane: occupied, scope, synced, book })
  const addressSpaces = [ipam.localAddressSpace, ipam.globalAddressSpace] as const
  const parts = { ...state, ...control, scope, synced, addressSpaces, foreign, endpoints, logger }
  const networks = new Networks(parts)
  const { repository } = state.swarm
  const { globalAddressSpace } = ipam
  const swarm = new SwarmAllocation({ ...parts, repository, globalAddressSpace })
  const sweep = new SwarmSweep({ ...parts, dataplane, networks })
  const driver = new TsoverlayDriver(scope, { networks, endpoints, swarm })
  state.outbox.start()
  recoverJournal({ ...state, scope, logger })
  if (scope === 'local') state.blocks.start()
  dataplane.onMiss((miss) => control.misses.handle(miss))
  dataplane.onDrift((sandbox) => control.reconciler.markSandbox(sandbox))
  dataplane.onHostChange(() => void control.underlay.look())
  dataplane.onAnnouncement((heard) => control.floating.heard(heard))
  control.peers.start(
    (key) => {
      control.floating.peersChanged(key)
      control.reconciler.markKey(key)
    },
    () => void control.admission.update(),
  )
  for (const endpoint of state.journal.endpoints.values()) control.peers.open(endpoint.network)
  await control.underlay.start()
  await control.admission.start()
  const status = (): Status =>
    statusOf({ ...state, ...control, underlay: () => control.underlay.summary() })
  const close = async (): Promise<void> => {
    await control.departures.close()
    await control.ranges.close()
    control.underlay.close()
    control.admission.close()
    control.peers.closeAll()
    await state.outbox.close()
    await state.blocks.close()
    await control.presence.close()
    await control.reconciler.close()
  }
  const docker = new Dockerd(driver, ipam)
  return {
    ...state,
    ...control,
    store,
    dataplane,
    logger,
    driver,
    ipam,
    docker,
    endpoints,
    networks,
    sweep,
    status,
    close,
  }
}

/** The parts of a tap test that hosts need. */
interface Scope {
  teardown(work: () => unknown): unknown
}

/** A host that ends with the test; by default alone in its cluster. */
export async function host(t: Scope, options: Partial<HostOptions> = {}): Promise<TestHost> {
  const store = options.store ?? new MemoryStore()
  const dir = options.dir ?? folder(t)
  const made = await startHost({ vtep: '192.0.2.1', ...options, store, dir })
  t.teardown(() => made.close())
  return made
}

export async function twoHosts(t: Scope) {
  const dirs = folder(t)
  const store = new MemoryStore()
  const a = await host(t, { store, dir: `${dirs}/a`, vtep: '192.0.2.1' })
  const b = await host(t, { store: store.peer(), dir: `${dirs}/b`, vtep: '192.0.2.2' })
  return { store, a, b, dirs }
}

function wireState(
  { store: bare, dir, graceMs }: HostOptions,
  dataplane: RecordingDataplane,
  logger: RecordingLogger,
  scope: 'local' | 'global',
) {
  const now = (): number => performance.now()
  const file = join(dir, 'data', 'store-seen.json')
  const epoch = new Epoch({
    store: bare,
    file,
    logger,
    now,
    ...(graceMs !== undefined && { graceMs }),
  })
  const identity = loadIdentity(join(dir, 'data'), join(dir, 'run'))
  const store = new FencedStore(bare, keys.hostGate(identity.id), identity.boot)
  const journal = new Journal(join(dir, 'data', 'journal'), logger)
  const blocks = new BlockBook({
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
    ...(graceMs !== undefined && { beforeClaim: (signal) => epoch.settled(signal) }),
  })
  // Swarm's leader changes hosts: there no host may decide alone.
  const book: AddressBook = scope === 'global' ? new AddressPlan(store, identity.id) : blocks
  const takenVnis = new TakenVnis({ dataplane, port: 4789, logger })
  const avoid = () => takenVnis.numbers()
  const repository = new NetworkRepository(store, identity.id, avoid)
  const swarm = {
    plan: new AddressPlan(store, SWARM),
    repository: new NetworkRepository(store, SWARM, avoid),
  }
  const publications = new Publications(store, identity)
  const turns = new PoolTurns()
  const vtep: VtepSource = { current: undefined }
  const problems = new Problems(logger)
  const owned = { store, book, repository, publications, swarm, journal, identity, vtep, logger }
  const handlers = choreHandlers(owned)
  const outbox = new Outbox({ shelf: journal.chores, handlers, logger })
  const cluster = { repository, publications, swarm, takenVnis, epoch, turns }
  return { store, identity, journal, blocks, book, outbox, vtep, problems, ...cluster }
}

function wireControl(
  store: MemoryStore,
  dataplane: RecordingDataplane,
  logger: RecordingLogger,
  { store: fenced, identity, journal, outbox, vtep, problems }: ReturnType<typeof wireState>,
  lingerMs: number,
) {
  const peers = new Peers({ store, self: identity.id, logger, lingerMs })
  const underlay = new UnderlaySource({
    dataplane,
    advertise: '',
    port: 4789,
    logger,
    onKnown: (known) => {
      vtep.current = known.vtep
      peers.useFamily(familyOf(known.vtep))
      void outbox.submit(chores.publishHost())
      void admission.update()
      reconciler.markAll()
    },
  })
  const admission = new Admission({ journal, peers, underlay, dataplane, port: 4789, logger })
  const shared = { journal, peers, underlay, dataplane, admission, logger }
  const reconciler = new Reconciler({ ...shared, lingerMs })
  const departures = new Departures({ journal, reconciler, dataplane, logger, delayMs: 0 })
  const misses = new Misses({ journal, peers, reconciler, logger, now: Date.now })
  const floating = new Floating({ journal, outbox, peers, reconciler, problems, logger })
  const presence = new Presence({ store: fenced, identity, logger })
  const now = (): number => performance.now()
  const records = new OwnRecords({ journal, peers, outbox, logger, now, staleMs: 10 })
  const ranges = new OwnRanges({
    docker: { list: async () => [], addressPools: async () => [] },
    dataplane,
    store,
    identity,
    journal,
    logger,
    isSynced: false,
    onProblems: (found) => problems.report('ranges', found),
  })
  const clusterRanges = new ClusterRanges({ store, self: identity.id, own: ranges })
  return {
    ranges,
    clusterRanges,
    peers,
    underlay,
    admission,
    reconciler,
    departures,
    misses,
    floating,
    presence,
    records,
  }
}
