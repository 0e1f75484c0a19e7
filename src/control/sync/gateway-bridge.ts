/**
 * Subnets that dockerd's own IPAM chose on another host may be in use on this one, above all by the
 * bridge docker_gwbridge, for which dockerd here would choose the same subnet later on.
 */
import { type Cidr, networkOf, overlaps, parseCidr } from '../../core/ip.js'
import type { Dataplane } from '../../core/ports.js'
import { chooseIpv4 } from '../../ipam/pool-choice.js'
import type { Publication } from '../../state/documents.js'
import type { DockerNetwork, NewNetwork } from './docker-networks.js'

/** moby daemon/libnetwork/default_gateway_linux.go: name and options of the network it makes itself. */
const NAME = 'docker_gwbridge'
const OPTIONS = {
  'com.docker.network.bridge.name': NAME,
  'com.docker.network.bridge.enable_icc': 'false',
  'com.docker.network.bridge.enable_ip_masquerade': 'true',
}

export interface Surroundings {
  readonly docker: readonly DockerNetwork[]
  readonly publications: readonly Publication[]
  readonly dataplane: Pick<Dataplane, 'routes'>
}

/** @returns what of this host the published network overlaps; undefined when it fits */
export async function overlapHere(
  publication: Publication,
  { docker, dataplane }: Surroundings,
): Promise<string | undefined> {
  // A subnet that a user chose for all hosts is the user's business, as without network sync.
  if (publication.ipam !== 'docker') return undefined
  const routes = await dataplane.routes()
  for (const { subnet } of publication.pools) {
    const bridge = docker.find((other) => other.driver === 'bridge' && uses(other, subnet))
    const what =
      bridge?.name ??
      routes.find(
        (route) => route.includes(':') === subnet.includes(':') && overlaps(route, subnet),
      )
    if (what !== undefined)
      return `subnet ${subnet}, which dockerd chose on the host that made it, overlaps ${what} of this host: create it with --subnet or --ipam-driver tsoverlay`
  }
  return undefined
}

/** @returns the docker_gwbridge to make before the network; undefined when there is one, or no need */
export async function gatewayBridgeFor(
  publication: Publication,
  { docker, publications, dataplane }: Surroundings,
): Promise<NewNetwork | undefined> {
  if (publication.ipam !== 'docker' || publication.internal) return undefined
  if (docker.some(({ name }) => name === NAME)) return undefined
  const subnet = chooseIpv4([
    ...(await dataplane.routes()),
    ...docker.flatMap(poolsOf),
    ...publications.flatMap(({ pools }) => pools.map((pool) => pool.subnet)),
  ])
  if (subnet === undefined) return undefined
  return {
    name: NAME,
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
}

function uses(network: DockerNetwork, subnet: Cidr): boolean {
  return poolsOf(network).some(
    (pool) => pool.includes(':') === subnet.includes(':') && overlaps(pool, subnet),
  )
}

function poolsOf({ pools }: DockerNetwork): Cidr[] {
  return pools.flatMap(({ subnet }) => {
    const cidr = parseCidr(subnet)
    return cidr === undefined ? [] : [networkOf(cidr)]
  })
}
