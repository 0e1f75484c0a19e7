/** One plugin without its sockets, as src/wire makes it, and the dockerd that calls it. */
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { statusOf } from '../../src/control/operator/status.js'
import type { StatusReport as Status } from '../../src/core/admin/status.js'
import { parseConfig } from '../../src/core/config.js'
import type { Ip } from '../../src/core/ip.js'
import { FencedStore } from '../../src/state/fenced-store.js'
import { loadIdentity } from '../../src/state/identity.js'
import { keys } from '../../src/state/keys.js'
import type { WireOptions } from '../../src/wire/options.js'
import { close, takeUp, wire } from '../../src/wire/wire.js'
import { FakeHostPorts } from '../fakes/fake-host-ports.js'
import { folder } from '../fakes/folder.js'
import { MemoryStore } from '../fakes/memory-store.js'
import { RecordingDataplane } from '../fakes/recording-dataplane.js'
import { RecordingLogger } from '../fakes/recording-logger.js'
import { FakeDocker } from './dockerd/fake-docker.js'
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

/**
 * A host that takes calls and follows kernel and store. What goes on by itself after that is for a test
 * to start: its announcement, network sync, names, sweeps, restoration, upkeep.
 */
export async function startHost(options: HostOptions) {
  const { store } = options
  const dataplane = options.dataplane ?? new RecordingDataplane()
  dataplane.address = { vtep: options.vtep as Ip, mtu: 1500 }
  const logger = new RecordingLogger()
  const api = new FakeDocker()
  const hostPorts = new FakeHostPorts()
  const parts = partsOf(options, { dataplane, logger, docker: api, hostPorts })
  const wired = wire(parts)
  const { state, control } = wired
  const { driver, ...drivers } = wired.driver
  const { ipam } = drivers
  api.attach({ driver, ipam, journal: state.journal })
  await takeUp(parts, wired, async () => undefined)
  const status = (): Status => statusOf({ ...state, ...control })
  return {
    ...state,
    ...control,
    ...drivers,
    trace: wired.trace,
    traffic: wired.traffic,
    live: wired.live,
    store,
    dataplane,
    hostPorts,
    logger,
    driver,
    /** calls of dockerd, one by one */
    docker: new Dockerd(driver, ipam),
    /** the Docker API of this host */
    api,
    status,
    doctor: wired.doctor,
    close: () => close(wired),
  }
}

/** Without a claim of its id: nobody else has it. */
function partsOf(
  { store, dir, scope = 'local', synced = false, graceMs = 0, lingerMs = 0 }: HostOptions,
  fakes: Pick<WireOptions, 'dataplane' | 'logger' | 'docker' | 'hostPorts'>,
): WireOptions {
  const paths = { data: join(dir, 'data'), run: join(dir, 'run') }
  const identity = loadIdentity(paths.data, paths.run)
  const fenced = new FencedStore(store, keys.hostGate(identity.id), identity.boot)
  return {
    ...fakes,
    config: parseConfig({ SCOPE: scope, NETWORK_SYNC: synced ? 'on' : 'off' }),
    paths,
    store,
    identified: { identity, store: fenced },
    serve: () => {
      throw new Error('no container asks for names here')
    },
    greeting: { greet: () => undefined },
    times: { lingerMs, graceMs, delayMs: 0, staleMs: 10 },
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
