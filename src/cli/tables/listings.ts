/** What people read instead of JSON: pure. */
import type { EndpointReport } from '../../core/admin/endpoints.js'
import type { HostReport } from '../../core/admin/hosts.js'
import type { NetworkReport } from '../../core/admin/networks.js'
import type { StatusReport } from '../../core/admin/status.js'
import { bad, good } from '../colour.js'
import { SHORT, table } from './table.js'

export function hostsTable(hosts: readonly HostReport[]): string {
  const head = ['NAME', 'ID', 'VTEP', 'STATE', 'NETWORKS', 'ENDPOINTS', 'BLOCKS']
  const rows = hosts.map((host) => [
    `${host.name || '-'}${host.self ? ' *' : ''}`,
    host.id,
    host.vtep || '-',
    host.alive ? good('alive') : bad('away'),
    ...[host.networks, host.endpoints, host.blocks].map(String),
  ])
  return table([head, ...rows])
}

export function networksTable(networks: readonly NetworkReport[]): string {
  const head = ['NAME', 'KEY', 'VNI', 'SUBNETS', 'HOSTS', 'ENDPOINTS', 'STATE']
  const rows = networks.map((network) => [
    network.name || network.identity,
    network.key.slice(0, SHORT),
    network.vnis.join(','),
    network.subnets.join(','),
    network.hosts.join(',') || '-',
    String(network.endpoints),
    stateOf(network),
  ])
  return table([head, ...rows])
}

/** What is wrong stands in `status` of that host and of all others. */
function stateOf({ leaving, troubles }: NetworkReport): string {
  if (leaving) return 'leaving'
  return troubles.length === 0
    ? 'ok'
    : bad(
        `problem on ${troubles
          .map(({ host }) => host)
          .sort()
          .join(',')}`,
      )
}

export function endpointsTable(endpoints: readonly EndpointReport[]): string {
  const head = ['NETWORK', 'ENDPOINT', 'HOST', 'ADDRESSES', 'MAC']
  const rows = endpoints.map((endpoint) => [
    endpoint.networkName || endpoint.network,
    endpoint.id.slice(0, SHORT),
    endpoint.hostName,
    [...endpoint.addresses, ...endpoint.floating.map((ip) => `${ip} (floating)`)].join(','),
    endpoint.mac,
  ])
  return table([head, ...rows])
}

function floatingText(floating: readonly string[]): string {
  return floating.length === 0 ? '' : ` (${floating.length} floating)`
}

export function statusText({
  host,
  store,
  networks,
  kernel,
  names,
  conflicts,
  problems: others,
  sync,
}: StatusReport): string {
  const problems = [
    ...(host.problem === undefined ? [] : [`underlay: ${host.problem}`]),
    ...(sync?.docker === false ? ["sync: dockerd's events do not arrive"] : []),
    ...conflicts.map(({ endpoint, problem }) => `endpoint ${endpoint.slice(0, SHORT)}: ${problem}`),
    ...others.map(({ about, problem }) => `${about}: ${problem}`),
    ...(sync?.problems ?? []).map(({ network, problem }) => `${network}: ${problem}`),
  ]
  const facts = [
    ['host', `${host.name} (${host.id})`],
    ['vtep', `${host.vtep ?? 'unknown'}${host.mtu === undefined ? '' : `, mtu ${host.mtu}`}`],
    [
      'store',
      `${store.reached ? good('reached') : bad('not reached')}, ${store.owed} changes owed`,
    ],
    ['kernel', `${kernel.drift} repairs, ${kernel.failures} failures`],
    ...(names === undefined
      ? []
      : [
          [
            'names',
            `${names.namespaces} containers, ${names.answered} questions answered, ${names.passed} passed on to Docker`,
          ],
        ]),
    ...networks.flatMap(({ published }) => published.map((port) => ['port', port])),
    ...problems.map((problem) => [bad('problem'), problem]),
  ]
  const head = ['NETWORK', 'ID', 'VNI', 'SUBNETS', 'ENDPOINTS', 'PEERS', 'PEERS KNOWN']
  const rows = networks.map((network) => [
    network.name || network.identity,
    network.id.slice(0, SHORT),
    network.vnis.join(','),
    network.subnets.join(','),
    String(network.endpoints) + floatingText(network.floating),
    String(network.peers),
    network.endpoints === 0 ? '-' : network.synced ? 'yes' : 'not yet',
  ])
  return `${table(facts)}${rows.length === 0 ? '' : `\n${table([head, ...rows])}`}`
}
