/**
 * docker_gwbridge is in every container that has a way out, beside its network, so the two must not
 * overlap. dockerd makes it with the first such container, on whatever its IPAM chooses, and does not
 * know what other hosts' dockerds choose. So it is made by us before that, on a range that nobody is
 * given.
 */
import { type Cidr, networkOf, parseCidr } from '../../core/ip.js'
import type { DockerNetworkId } from '../../core/types.js'
import type { Publication } from '../../state/documents.js'
import { type DockerNetwork, GATEWAY_BRIDGE, type NewNetwork } from '../dockerd/docker-networks.js'
import { gatewayRange, isDockerdsChoice } from '../ranges/ranges.js'

/** moby daemon/libnetwork/default_gateway_linux.go: options of the one that dockerd makes itself. */
const OPTIONS: Readonly<Record<string, string>> = {
  'com.docker.network.bridge.name': GATEWAY_BRIDGE,
  'com.docker.network.bridge.enable_icc': 'false',
  'com.docker.network.bridge.enable_ip_masquerade': 'true',
}

export interface GatewayStep {
  /** the one that dockerd has chosen a subnet for, to be removed first if nobody uses it */
  readonly instead?: DockerNetworkId
  readonly make: NewNetwork
}

/**
 * @param routes destinations of the host's routes
 * @returns undefined when the host has one that stays
 */
export function gatewayStep(
  docker: readonly DockerNetwork[],
  publications: readonly Publication[],
  routes: readonly Cidr[],
): GatewayStep | undefined {
  const found = docker.find(({ name }) => name === GATEWAY_BRIDGE)
  if (found !== undefined && !isDockerdsOwn(found)) return undefined
  const subnet = gatewayRange([
    ...routes,
    ...docker.flatMap(poolsOf),
    ...publications.flatMap(({ pools }) => pools.map((pool) => pool.subnet)),
  ])
  if (subnet === undefined) return undefined
  const make: NewNetwork = {
    name: GATEWAY_BRIDGE,
    driver: 'bridge',
    options: OPTIONS,
    labels: {},
    ipamDriver: 'default',
    ipamOptions: {},
    pools: [{ subnet, aux: {} }],
    internal: false,
    attachable: false,
    ipv6: false,
  }
  return found === undefined ? { make } : { instead: found.id, make }
}

/** One that a user made has other options, labels, or a subnet that dockerd would not choose. */
function isDockerdsOwn(network: DockerNetwork): boolean {
  const [pool, other] = poolsOf(network)
  if (pool === undefined || other !== undefined || !isDockerdsChoice(pool, [])) return false
  const { driver, options, labels } = network
  const names = Object.keys(options)
  return (
    driver === 'bridge' &&
    Object.keys(labels).length === 0 &&
    names.length === Object.keys(OPTIONS).length &&
    names.every((name) => options[name] === OPTIONS[name])
  )
}

function poolsOf({ pools }: DockerNetwork): Cidr[] {
  return pools.flatMap(({ subnet }) => {
    const cidr = parseCidr(subnet)
    return cidr === undefined ? [] : [networkOf(cidr)]
  })
}
