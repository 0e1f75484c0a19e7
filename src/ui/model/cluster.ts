/** The cluster as the page shows it, made of the agent's listings: pure. */
import type { EndpointReport } from '../../core/admin/endpoints.js'
import type { HostReport } from '../../core/admin/hosts.js'
import type { NameReport } from '../../core/admin/names.js'
import type { NetworkReport } from '../../core/admin/networks.js'
import type { StatusReport } from '../../core/admin/status.js'
import { groupBy } from './group.js'
import { type Health, OK } from './health.js'

export interface HostNode extends HostReport {
  /** its name, else its id */
  readonly title: string
  readonly health: Health
}

export interface NetworkNode extends NetworkReport {
  /** its name, else what ties it together */
  readonly title: string
  readonly health: Health
}

export interface EndpointNode extends EndpointReport {
  /** the container's name, else the endpoint's short id */
  readonly title: string
  readonly health: Health
  /** of this host */
  readonly own: boolean
}

export interface Cluster {
  readonly hosts: readonly HostNode[]
  readonly networks: readonly NetworkNode[]
  readonly endpoints: readonly EndpointNode[]
  /** `host network` → its endpoints */
  readonly cells: ReadonlyMap<string, readonly EndpointNode[]>
}

export interface Listings {
  readonly hosts: readonly HostReport[]
  readonly networks: readonly NetworkReport[]
  readonly endpoints: readonly EndpointReport[]
  readonly names: readonly NameReport[]
  readonly status: StatusReport | undefined
}

const SHORT = 12

export function clusterOf(listings: Listings): Cluster {
  const { status } = listings
  const hosts = listings.hosts
    .map((host) => hostNode(host, listings.networks, status))
    .sort(byTitle)
  const networks = listings.networks.map(networkNode).sort(byTitle)
  const names = containerNames(listings.names)
  const living = new Map(hosts.map((host) => [host.id, host]))
  const conflicts = new Map(status?.conflicts.map(({ endpoint, problem }) => [endpoint, problem]))
  const endpoints = listings.endpoints.map((endpoint) => {
    const host = living.get(endpoint.host)
    return {
      ...endpoint,
      title: names.get(endpoint.id) ?? endpoint.id.slice(0, SHORT),
      health: endpointHealth(host, conflicts.get(endpoint.id)),
      own: host?.self === true,
    }
  })
  endpoints.sort(
    (a, b) =>
      ORDER.compare(a.networkName, b.networkName) ||
      ORDER.compare(a.hostName, b.hostName) ||
      byTitle(a, b),
  )
  const cells = groupBy(endpoints, ({ host, network }) => cellOf(host, network))
  return { hosts, networks, endpoints, cells }
}

/** node-2 before node-10. */
const ORDER = new Intl.Collator('en', { numeric: true })

function byTitle(a: { readonly title: string }, b: { readonly title: string }): number {
  return ORDER.compare(a.title, b.title)
}

export function cellOf(host: string, network: string): string {
  return `${host} ${network}`
}

function hostNode(
  host: HostReport,
  networks: readonly NetworkReport[],
  status: StatusReport | undefined,
): HostNode {
  return { ...host, title: host.name || host.id, health: hostHealth(host, networks, status) }
}

function hostHealth(
  host: HostReport,
  networks: readonly NetworkReport[],
  status: StatusReport | undefined,
): Health {
  if (host.name === '') {
    return { level: 'warning', word: 'leftovers', why: ['Only leftovers of it are in the store.'] }
  }
  if (!host.alive) {
    const hint = `If it will not come back: tsoverlay host rm ${host.name}`
    return { level: 'failed', word: 'away', why: ['Its plugin does not reach the store.', hint] }
  }
  const why = [
    ...networks.flatMap(({ name, identity, troubles }) =>
      troubles
        .filter((trouble) => trouble.host === host.name)
        .map(({ problem }) => `${name || identity}: ${problem}`),
    ),
    ...(host.self && status !== undefined ? ownProblems(status) : []),
  ]
  return why.length === 0 ? OK : { level: 'warning', word: 'warning', why }
}

/** What only this host says of itself. */
function ownProblems(status: StatusReport): readonly string[] {
  const { host, store, admission, problems, conflicts } = status
  return [
    ...(host.problem === undefined ? [] : [`underlay: ${host.problem}`]),
    ...(store.reached ? [] : ['The store does not take its announcement.']),
    ...(admission.inForce ? [] : [`VXLAN packets of strangers pass: ${admission.problem ?? ''}`]),
    ...conflicts.map(({ problem }) => problem),
    ...problems.map(({ about, problem }) => `${about}: ${problem}`),
  ]
}

function networkNode(network: NetworkReport): NetworkNode {
  return { ...network, title: network.name || network.identity, health: networkHealth(network) }
}

function networkHealth({ leaving, troubles }: NetworkReport): Health {
  if (troubles.length > 0) {
    const why = troubles.map(({ host, problem }) => `${host}: ${problem}`)
    return { level: 'warning', word: 'warning', why }
  }
  if (!leaving) return OK
  return { level: 'unknown', word: 'leaving', why: ['It was removed; not all hosts have done so.'] }
}

function endpointHealth(host: HostNode | undefined, conflict: string | undefined): Health {
  if (conflict !== undefined) return { level: 'failed', word: 'conflict', why: [conflict] }
  if (host?.alive === true) return OK
  return { level: 'unknown', word: 'host away', why: ['Nobody knows how it is: its host is away.'] }
}

/** By endpoint. */
function containerNames(names: readonly NameReport[]): ReadonlyMap<string, string> {
  const sources = names.flatMap(({ sources }) => sources)
  return new Map(
    sources.flatMap((source) =>
      source.kind === 'container' ? [[source.endpoint, source.container] as const] : [],
    ),
  )
}
