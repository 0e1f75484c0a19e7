/** The kernel, as the Dataplane port of core/ports.ts describes it. docs/design/dataplane.md tells how. */
import { basename, join } from 'node:path'
import type { HostLooks } from '../core/host-looks.js'
import { HOST } from '../core/plan.js'
import type { Announcement, Dataplane, Logger, Miss } from '../core/ports.js'
import { sendEchoes } from './facts/echo.js'
import { HostWatch } from './facts/host-watch.js'
import { hasInterfaces } from './facts/interfaces.js'
import { NamespaceWatch } from './facts/namespace-watch.js'
import { listPathMtus, setPathMtu } from './facts/path-routes.js'
import { findUnderlay, listHostRoutes, listRoutes } from './facts/underlay.js'
import { VxlanSearch } from './facts/vxlan-devices.js'
import { livePackets } from './live/live-packets.js'
import { readChecksums } from './looks/checksums.js'
import { findLacks } from './looks/lacks.js'
import { findRefusals } from './looks/refusals.js'
import { pathFacts } from './path/path-facts.js'
import { HostPlace } from './places/host.js'
import { openNamePlace } from './places/name-place.js'
import { Home, netnsState } from './places/netns.js'
import { Sandboxes } from './places/sandboxes.js'
import type { Shared } from './places/scope.js'
import { readSysctl } from './places/sysctls.js'
import { ProbeEars } from './probes/probe-ears.js'
import { sendProbe } from './probes/send-probe.js'
import { readCounters } from './readings/counters.js'
import { readNamespaces } from './readings/namespaces.js'
import { readPlace } from './readings/place.js'
import { rulesOf } from './readings/rules.js'
import { openRtnl } from './rtnl/netlink-rtnl.js'
import type { Rtnl } from './rtnl/rtnl.js'
import { deleteVethByName } from './tables/link-writer.js'

/** How often a sandbox is looked at for what the kernel gives no notice of. */
const CHECK_MS = 1_500

interface DataplaneOptions {
  /** directory of the sandboxes' files; made with the first of them */
  readonly netnsDir: string
  readonly logger: Logger
}

/**
 * The host's namespace is the one of the calling process.
 * @throws TsoverlayError KERNEL_FAILED from its methods; see Dataplane
 */
export async function createDataplane(options: DataplaneOptions): Promise<Dataplane> {
  const { netnsDir, logger } = options
  const home = await Home.open()
  const host = openRtnl()
  const hostWatch = new HostWatch()
  const namespaces = new NamespaceWatch(netnsDir, logger)
  const listeners = deafListeners()
  const vxlans = new VxlanSearch({ home, host, netnsDir, logger })
  const shared: Shared = { home, host, logger, listeners, vxlans }
  const sandboxes = new Sandboxes(netnsDir, shared)
  const hostPlace = new HostPlace(shared)
  const ears = new ProbeEars(home, netnsDir)
  const checks = setInterval(() => sandboxes.check(), CHECK_MS).unref()
  return {
    apply: (plan) => (plan.place === HOST ? hostPlace.apply(plan) : sandboxes.apply(plan)),
    remove: (place) => (place === HOST ? hostPlace.empty() : sandboxes.remove(place)),
    queueResync: (place) =>
      place === HOST ? hostPlace.queueResync() : sandboxes.queueResync(place),
    list: () => sandboxes.list(),
    foreignVxlans: () => vxlans.foreign(),
    deleteHostLink: async (name) => {
      if (await deleteVethByName(host, name)) logger.debug({ link: name }, 'host link deleted')
    },
    ...looks(home, host, netnsDir),
    ...hearing(listeners),
    sendProbe,
    ...hostLooks(home, netnsDir),
    hearProbes: (place, dev, onProbe) => ears.open(place, dev, onProbe),
    onHostChange: (callback) => hostWatch.onChange(callback),
    onNamespace: (callback) => namespaces.onAppear(callback),
    close: async () => {
      clearInterval(checks)
      ears.close()
      namespaces.close()
      await hostWatch.close()
      await Promise.all([sandboxes.close(), hostPlace.close()])
      await host.close()
      home.close()
    },
  }
}

function hostLooks(home: Home, netnsDir: string): HostLooks {
  return {
    lacks: () => findLacks(home),
    settings: (names) =>
      new Map(
        names.flatMap((name) => {
          const value = readSysctl(name)
          return value === undefined ? [] : [[name, value] as const]
        }),
      ),
    refusals: findRefusals,
    checksums: (name) => readChecksums(home, join(netnsDir, basename(name))),
  }
}

function deafListeners() {
  return {
    onMiss: (_: Miss): void => {},
    onDrift: (_: string): void => {},
    onAnnouncement: (_: Announcement): void => {},
  }
}

/** What the sandboxes tell, handed to one listener each. */
function hearing(
  listeners: ReturnType<typeof deafListeners>,
): Pick<Dataplane, 'onMiss' | 'onDrift' | 'onAnnouncement'> {
  return {
    onMiss: (callback) => {
      listeners.onMiss = callback
    },
    onDrift: (callback) => {
      listeners.onDrift = callback
    },
    onAnnouncement: (callback) => {
      listeners.onAnnouncement = callback
    },
  }
}

/** The host's own namespace, and what containers have in theirs. */
function looks(
  home: Home,
  host: Rtnl,
  netnsDir: string,
): Pick<
  Dataplane,
  | 'hasNamespace'
  | 'underlay'
  | 'routes'
  | 'hostRoutes'
  | 'hasInterfaces'
  | 'openNames'
  | 'echo'
  | 'pathMtus'
  | 'setPathMtu'
  | 'path'
  | 'live'
  | 'namespaces'
  | 'read'
  | 'linkCounters'
  | 'rulesOf'
> {
  return {
    hasNamespace: (name) => netnsState(join(netnsDir, basename(name))) === 'live',
    underlay: (advertise) => findUnderlay(host, advertise),
    routes: () => listRoutes(host),
    hostRoutes: () => listHostRoutes(host),
    echo: sendEchoes,
    pathMtus: () => listPathMtus(host),
    setPathMtu: (vtep, mtu) => setPathMtu(host, vtep, mtu),
    namespaces: () => readNamespaces(home, netnsDir),
    read: (place) => readPlace(home, netnsDir, place),
    linkCounters: (place) => readCounters(home, netnsDir, place),
    rulesOf,
    hasInterfaces: (name) => hasInterfaces(home, join(netnsDir, basename(name))),
    path: pathFacts(home, netnsDir),
    live: livePackets(home, netnsDir),
    openNames: (name) => openNamePlace(home, join(netnsDir, basename(name))),
  }
}
