/** The plugin behind its sockets: has the parts made (wire/), starts and stops them in order. */
import { Registry } from 'prom-client'
import { AdminServer } from './admin/server.js'
import { Timings } from './admin/timings.js'
import { DockerApi } from './control/dockerd/docker-api.js'
import { hostPorts } from './control/endpoints/host-ports.js'
import { Events } from './control/events/events.js'
import { Greeting } from './control/hosts/greeting.js'
import { identify } from './control/hosts/identify.js'
import { Insight } from './control/insight/insight.js'
import { ClusterView } from './control/operator/cluster-view.js'
import { HostRemoval } from './control/operator/host-removal.js'
import { PoolsView } from './control/operator/pools-view.js'
import { statusOf } from './control/operator/status.js'
import { isStartCall } from './control/restarts/restarts.js'
import type { Config } from './core/config.js'
import type { Meter } from './core/meter.js'
import type { Dataplane, Logger, Store } from './core/ports.js'
import type { RecentLines } from './core/recent-lines.js'
import { Resolver } from './dns/server.js'
import type { Door } from './rpc/door.js'
import { createRpcServer } from './rpc/server.js'
import { MeteredStore } from './state/metered-store.js'
import type { WireOptions } from './wire/options.js'
import { close, takeUp, type Wired, wire } from './wire/wire.js'

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
  /** last lines that it has written */
  readonly recent: RecentLines
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
  const registry = new Registry()
  const meter = new Timings(registry)
  const store = new MeteredStore(options.store, meter)
  return startCounted({ ...options, store, registry, meter })
}

type Counted = DaemonOptions & { readonly registry: Registry; readonly meter: Meter }

async function startCounted(options: Counted): Promise<Daemon> {
  const { config, paths, store, dataplane, logger } = options
  const parts = await partsOf(options)
  const wired = wire(parts)
  const { state, control, driver } = wired
  const { rpc, admin } = serversOf(options, parts.docker, wired)
  await takeUp(parts, wired, () => control.presence.start())
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
  driver.sweep.start()
  const closing = async (): Promise<void> => {
    driver.sweep.close()
    driver.restarts?.close()
    for (const server of [rpc, admin]) await server.close()
    await close(wired)
    await dataplane.close()
    await store.close()
  }
  return { close: closing }
}

async function partsOf(options: Counted): Promise<WireOptions> {
  const { config, paths, store, dataplane, logger } = options
  const identified = await identify(options)
  const self = identified.identity.id
  return {
    config,
    paths,
    store,
    identified,
    dataplane,
    docker: new DockerApi(paths.docker),
    serve: (sockets, view) => Resolver.at({ sockets, view, logger }),
    greeting: new Greeting({ self, port: config.vxlanPort, logger }),
    hostPorts,
    logger,
    meter: options.meter,
  }
}

function serversOf(
  { store, dataplane, logger, recent, door, registry, meter }: Counted,
  docker: WireOptions['docker'],
  { state, control, driver, doctor, trace, live, traffic }: Wired,
) {
  const { names } = control
  const rpc = createRpcServer({
    network: driver.driver,
    ipam: driver.ipam,
    logger,
    meter,
    door,
    onRefused: (method) => isStartCall(method) && driver.restarts?.noteRefusal(),
  })
  const admin = new AdminServer({
    registry,
    status: () => statusOf({ ...state, ...control }),
    cluster: new ClusterView(store, state.identity),
    removal: new HostRemoval(store),
    names: names.report,
    statics: names.statics,
    doctor,
    traffic,
    pools: new PoolsView(store),
    env: process.env,
    log: recent,
    trace,
    live,
    events: new Events({ ...state, ...control, store }),
    insight: new Insight({ ...state, ...control, dataplane, docker, logger }),
  })
  return { rpc, admin }
}
