/** Where two descriptions of one network contradict each other: pure. */
import { resolveBackend } from '../../backends/index.js'
import { optionOf } from '../../backends/options.js'
import type { Network } from '../../core/types.js'

/**
 * @param vnis VNIs that the user asked for, by segment
 * @returns one phrase per difference, empty when the request fits the cluster's network
 */
export function differences(
  cluster: Network,
  request: Network,
  vnis: readonly (number | undefined)[],
): readonly string[] {
  const rows: readonly (readonly [string, string, string])[] = [
    ['backend', request.backend, cluster.backend],
    ['subnets and gateways', subnetsOf(request), subnetsOf(cluster)],
    ['--internal', String(request.internal), String(cluster.internal)],
    ['source-check', checkText(request, cluster), checkText(cluster)],
    ['floating addresses', floatingText(request, cluster), floatingText(cluster)],
    ['dns', dnsText(request, cluster), dnsText(cluster)],
    ...optionRows(request, cluster),
    ['MTU', String(request.mtu ?? cluster.mtu ?? 'automatic'), String(cluster.mtu ?? 'automatic')],
    ...vnis.map((vni, index): readonly [string, string, string] => {
      const has = String(cluster.segments[index]?.vni)
      return ['VNI', String(vni ?? has), has]
    }),
  ]
  return rows
    .filter(([, asked, has]) => asked !== has)
    .map(([what, asked, has]) => `${what} is ${has} there, not ${asked}`)
}

function checkText(network: Network, otherwise: Network = network): string {
  return (network.sourceCheck ?? otherwise.sourceCheck ?? true) ? 'on' : 'off'
}

/** A backend's own options; what the request leaves out is as the cluster has it. */
function optionRows(request: Network, cluster: Network): (readonly [string, string, string])[] {
  if (request.backend !== cluster.backend) return []
  return resolveBackend(cluster.backend).options.map((option) => {
    const has = optionOf(cluster, option)
    return [option.name, request.options?.[option.name] ?? has, has]
  })
}

function dnsText(network: Network, otherwise: Network = network): string {
  return (network.dns ?? otherwise.dns ?? true) ? 'on' : 'off'
}

function floatingText(network: Network, otherwise: Network = network): string {
  return (network.floating ?? otherwise.floating ?? []).join(', ') || 'none'
}

function subnetsOf(network: Network): string {
  return network.segments
    .flatMap((segment) => segment.subnets)
    .map((subnet) =>
      subnet.gateway === undefined
        ? subnet.pool
        : `${subnet.pool} via ${subnet.gateway.split('/')[0]}`,
    )
    .sort()
    .join(', ')
}
