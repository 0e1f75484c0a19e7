/** The kernel, as the Dataplane port of core/ports.ts describes it. docs/design/dataplane.md tells how. */
import { basename, join } from 'node:path'
import type { Place } from '../core/plan.js'
import type { Announcement, ApplyResult, Dataplane, Logger, Miss } from '../core/ports.js'
import { openAdmission } from './admission.js'
import { sendEchoes } from './echo.js'
import { failureOf, kernelFailed } from './failure.js'
import { HostWatch } from './host-watch.js'
import { hasInterfaces } from './interfaces.js'
import { openNamePlace } from './name-place.js'
import { isSandboxName } from './names.js'
import { NamespaceWatch } from './namespace-watch.js'
import { Home, listNetns, netnsState } from './netns.js'
import { listPathMtus, setPathMtu } from './path-routes.js'
import { openRtnl } from './rtnl/netlink-rtnl.js'
import type { Rtnl } from './rtnl/rtnl.js'
import { Sandbox, type Shared } from './sandbox.js'
import { deleteVethByName } from './tables/link-writer.js'
import { findUnderlay, listHostRoutes, listRoutes } from './underlay.js'
import { VxlanSearch } from './vxlan-devices.js'

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
  const admission = openAdmission()
  const sandboxes = new Map<string, Sandbox>()
  const hostWatch = new HostWatch()
  const namespaces = new NamespaceWatch(netnsDir, logger)
  const listeners = deafListeners()
  const vxlans = new VxlanSearch({ home, host, netnsDir, logger })
  const shared: Shared = { home, host, logger, listeners, vxlans }
  const checks = setInterval(checkAll, CHECK_MS, sandboxes).unref()

  const sandboxOf = (name: string): Sandbox => {
    checkName(name)
    const sandbox = sandboxes.get(name) ?? new Sandbox(name, join(netnsDir, name), shared)
    sandboxes.set(name, sandbox)
    return sandbox
  }
  /** Runs one call; a sandbox that holds nothing afterwards is forgotten. */
  const withSandbox = async <T>(name: string, call: (of: Sandbox) => Promise<T>): Promise<T> => {
    const sandbox = sandboxOf(name)
    try {
      return await call(sandbox)
    } finally {
      if (sandbox.idle && !sandbox.attached) sandboxes.delete(name)
    }
  }

  return {
    apply: async (plan) => {
      if (plan.strangers !== undefined) return await admission.apply(plan.strangers, true)
      try {
        return await withSandbox(plan.place, (sandbox) => sandbox.apply(plan))
      } catch (error) {
        return failed(plan.place, error)
      }
    },
    // No file of another name is ever made, so there is none to remove.
    remove: async (name) => {
      if (isSandboxName(name)) await withSandbox(name, (sandbox) => sandbox.remove())
    },
    queueResync: (name) => sandboxes.get(name)?.queueResync(),
    list: () => {
      const isOurs = (name: string) => withSandbox(name, (sandbox) => sandbox.isOurs())
      return select(listNetns(netnsDir).filter(isSandboxName), isOurs)
    },
    foreignVxlans: () => vxlans.foreign(),
    hasNamespace: (name) => netnsState(join(netnsDir, basename(name))) === 'live',
    deleteHostLink: async (name) => {
      if (await deleteVethByName(host, name)) logger.debug({ link: name }, 'host link deleted')
    },
    ...looks(home, host, netnsDir),
    ...hearing(listeners),
    onHostChange: (callback) => hostWatch.onChange(callback),
    onNamespace: (callback) => namespaces.onAppear(callback),
    close: async () => {
      clearInterval(checks)
      namespaces.close()
      await hostWatch.close()
      await Promise.all([...sandboxes.values()].map((sandbox) => sandbox.close()))
      sandboxes.clear()
      await Promise.all([host.close(), admission.close()])
      home.close()
    },
  }
}

function failed(place: Place, error: unknown): ApplyResult {
  return { written: 0, drift: 0, failures: [failureOf({ in: 'place', name: place }, error)] }
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
  | 'underlay'
  | 'routes'
  | 'hostRoutes'
  | 'hasInterfaces'
  | 'openNames'
  | 'echo'
  | 'pathMtus'
  | 'setPathMtu'
> {
  return {
    underlay: (advertise) => findUnderlay(host, advertise),
    routes: () => listRoutes(host),
    hostRoutes: () => listHostRoutes(host),
    echo: sendEchoes,
    pathMtus: () => listPathMtus(host),
    setPathMtu: (vtep, mtu) => setPathMtu(host, vtep, mtu),
    hasInterfaces: (name) => hasInterfaces(home, join(netnsDir, basename(name))),
    openNames: (name) => openNamePlace(home, join(netnsDir, basename(name))),
  }
}

/** Those that fit, asked for one after the other. */
async function select(
  names: readonly string[],
  fits: (name: string) => Promise<boolean>,
): Promise<readonly string[]> {
  const found: string[] = []
  for (const name of names) {
    if (await fits(name)) found.push(name)
  }
  return found
}

/** @throws TsoverlayError KERNEL_FAILED for what could be another file */
function checkName(name: string): void {
  if (isSandboxName(name)) return
  const reason = 'a sandbox is named "1-" and ten lower-case letters or digits'
  throw kernelFailed(`sandbox ${JSON.stringify(name)}`, reason)
}

function checkAll(sandboxes: ReadonlyMap<string, Sandbox>): void {
  for (const sandbox of sandboxes.values()) sandbox.check()
}
