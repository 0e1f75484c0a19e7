/** From a network as one dockerd has it to what every other host shall create: pure. */
import { type Cidr, ipOf, networkOf, parseCidr, parseIp } from '../../core/ip.js'
import { RENDEZVOUS_OPTION, SYNC_OPTION } from '../../core/options.js'
import { isFresh } from '../../core/spaces.js'
import type { Binding, Publication } from '../../state/documents.js'
import type { DockerNetwork, DockerPool, NewNetwork } from '../dockerd/docker-networks.js'

/** The name by which every dockerd finds the plugin's socket, whatever the plugin is called. */
const DRIVER = 'tsoverlay'

type Pool = Publication['pools'][number]

/**
 * @param binding what the driver knows of it: all pools, also those that the user left to IPAM, with
 *   their gateways
 */
export function publicationOf(docker: DockerNetwork, binding: Binding): Publication {
  const { network, ipam } = binding
  const subnets = network.segments.flatMap((segment) => segment.subnets)
  return {
    key: network.key,
    name: docker.name,
    labels: docker.labels,
    options: docker.options,
    // A former version knows no other way to the network.
    ipamOptions: { ...ownOptions(docker.ipamOptions, ipam), ...spaceOption(network.space) },
    pools: subnets.map(({ pool, gateway }) => {
      const given = docker.pools.find((other) => sameSubnet(other.subnet, pool))
      return poolOf(pool, gateway, given)
    }),
    internal: docker.internal,
    attachable: docker.attachable,
    ipv6: docker.ipv6,
    ipam: ipam === 'docker' ? 'docker' : 'tsoverlay',
  }
}

/**
 * How this host creates what another one has published. The key among the IPAM options says to our
 * own driver which network it is, and that it is no wish of a user.
 */
export function newNetworkOf(publication: Publication): NewNetwork {
  const { name, options, labels, pools, internal, attachable, ipv6 } = publication
  const { [RENDEZVOUS_OPTION]: space = '', ...others } = publication.ipamOptions
  const given = space === '' || isFresh(space) ? {} : { [RENDEZVOUS_OPTION]: space }
  const ipamOptions = { ...others, ...given, [SYNC_OPTION]: publication.key }
  return {
    name,
    driver: DRIVER,
    options,
    labels,
    ipamDriver: DRIVER,
    ipamOptions,
    pools,
    internal,
    attachable,
    ipv6,
  }
}

/** In what the docker networks of one cluster network contradict each other. */
export function contradictions(mine: Publication, published: Publication): readonly string[] {
  const rows: readonly (readonly [string, string, string])[] = [
    ['labels', textOf(mine.labels), textOf(published.labels)],
    ['options', textOf(mine.options), textOf(published.options)],
    ['--internal', String(mine.internal), String(published.internal)],
    ['--attachable', String(mine.attachable), String(published.attachable)],
    ['--ipv6', String(mine.ipv6), String(published.ipv6)],
    ['subnets', subnetsOf(mine), subnetsOf(published)],
  ]
  return rows
    .filter(([, here, there]) => here !== there)
    .map(([what, here, there]) => `${what}: ${there} there, ${here} here`)
}

function subnetsOf({ pools }: Publication): string {
  return pools
    .map(({ subnet }) => subnet)
    .sort()
    .join(', ')
}

function textOf(texts: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(texts).map(([name, value]) => `${name}=${value}`)
  return pairs.sort().join(' ') || 'none'
}

/** What a user gave. */
function ownOptions(
  { [SYNC_OPTION]: _sync, ...options }: Readonly<Record<string, string>>,
  ipam: Binding['ipam'],
): Readonly<Record<string, string>> {
  return ipam === 'docker' ? {} : options
}

function spaceOption(space: string): Record<string, string> {
  return space === '' ? {} : { [RENDEZVOUS_OPTION]: space }
}

function sameSubnet(text: string, pool: Cidr): boolean {
  const cidr = parseCidr(text)
  return cidr !== undefined && networkOf(cidr) === pool
}

function poolOf(subnet: Cidr, gateway: Cidr | undefined, given: DockerPool | undefined): Pool {
  const via = gateway === undefined ? parseIp(given?.gateway ?? '') : ipOf(gateway)
  const ipRange = parseCidr(given?.ipRange ?? '')
  return {
    subnet,
    aux: given?.aux ?? {},
    ...(via === undefined ? {} : { gateway: via }),
    ...(ipRange === undefined ? {} : { ipRange }),
  }
}
