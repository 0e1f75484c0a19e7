/** The cluster as the page shows it, made of the agent's listings: pure. */
import type { EndpointReport } from '../../core/admin/endpoints.js'
import type { HostReport } from '../../core/admin/hosts.js'
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
  /** endpoints by id */
  readonly byId: ReadonlyMap<string, EndpointNode>
  /** `host network` → its endpoints */
  readonly cells: ReadonlyMap<string, readonly EndpointNode[]>
}

export interface Listings {
  readonly hosts: readonly HostReport[]
  readonly networks: readonly NetworkReport[]
  readonly endpoints: readonly EndpointReport[]
  readonly status: StatusReport | undefined
}

const SHORT = 12

export function clusterOf(listings: Listings): Cluster {
  const { status } = listings
  const troubles = troublesByHost(listings.networks)
  const hosts = listings.hosts
    .map((host) => hostNode(host, troubles.get(host.name) ?? [], status))
    .sort(byTitle)
  const networks = listings.networks.map(networkNode).sort(byTitle)
  const known = new Map(hosts.map((host) => [host.id, host]))
  const conflicts = new Map(status?.conflicts.map(({ endpoint, problem }) => [endpoint, problem]))
  const endpoints = inOrder(
    listings.endpoints.map((endpoint) => {
      const host = known.get(endpoint.host)
      return {
        ...endpoint,
        title: endpoint.name || endpoint.id.slice(0, SHORT),
        health: endpointHealth(host, conflicts.get(endpoint.id)),
        own: host?.self === true,
      }
    }),
  )
  const byId = new Map(endpoints.map((endpoint) => [endpoint.id, endpoint]))
  const cells = groupBy(endpoints, ({ host, network }) => cellOf(host, network))
  return { hosts, networks, endpoints, byId, cells }
}

/** By network, host and title. Names of hosts and networks, which are few, are compared once each. */
function inOrder(endpoints: EndpointNode[]): readonly EndpointNode[] {
  const networks = ranks(endpoints.map(({ networkName }) => networkName))
  const hosts = ranks(endpoints.map(({ hostName }) => hostName))
  const rank = (ranked: ReadonlyMap<string, number>, name: string) => ranked.get(name) ?? 0
  return endpoints.sort(
    (a, b) =>
      rank(networks, a.networkName) - rank(networks, b.networkName) ||
      rank(hosts, a.hostName) - rank(hosts, b.hostName) ||
      byTitle(a, b),
  )
}

function ranks(names: readonly string[]): ReadonlyMap<string, number> {
  return new Map([...new Set(names)].sort(ORDER.compare).map((name, at) => [name, at]))
}

/** node-2 before node-10. */
const ORDER = new Intl.Collator('en', { numeric: true })

function byTitle(a: { readonly title: string }, b: { readonly title: string }): number {
  return ORDER.compare(a.title, b.title)
}

export function cellOf(host: string, network: string): string {
  return `${host} ${network}`
}

/** By a host's name. */
function troublesByHost(networks: readonly NetworkReport[]): ReadonlyMap<string, string[]> {
  const found = new Map<string, string[]>()
  for (const { name, identity, troubles } of networks) {
    for (const { host, problem } of troubles) {
      const text = `${name || identity}: ${problem}`
      const before = found.get(host)
      if (before === undefined) found.set(host, [text])
      else before.push(text)
    }
  }
  return found
}

function hostNode(
  host: HostReport,
  troubles: readonly string[],
  status: StatusReport | undefined,
): HostNode {
  return { ...host, title: host.name || host.id, health: hostHealth(host, troubles, status) }
}

function hostHealth(
  host: HostReport,
  troubles: readonly string[],
  status: StatusReport | undefined,
): Health {
  if (host.name === '') {
    return { level: 'warning', word: 'leftovers', why: ['Only leftovers of it are in the store.'] }
  }
  if (!host.alive) {
    const hint = `If it will not come back: tsoverlay host rm ${host.name}`
    return { level: 'failed', word: 'away', why: ['Its plugin does not reach the store.', hint] }
  }
  const why = [...troubles, ...(host.self && status !== undefined ? ownProblems(status) : [])]
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
