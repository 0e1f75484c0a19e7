/** What plans have of a path: pure but for where the plan comes from. */
import { resolveBackend } from '../../backends/index.js'
import { type Cidr, contains, type Ip } from '../../core/ip.js'
import {
  type BridgeLink,
  HOST,
  type Part,
  type Place,
  type RoutePlan,
  type VxlanLink,
} from '../../core/plan.js'
import type { Peer, Way } from '../../core/types.js'
import { homeOf } from '../passes/places.js'
import type { WantedPort } from './judge/port.js'
import type { WantedEntry } from './judge/tunnel.js'
import type { Path } from './parts.js'

/** Of the container's own network on this host. */
export interface Home {
  readonly place: Place
  readonly port: WantedPort
  readonly bridge: BridgeLink | undefined
  readonly tunnel: VxlanLink | undefined
}

/** @param part what is wanted of the network at home */
export function homeIn(part: Part, { binding, mine }: Path): Home {
  const place = homeOf(binding)
  const name = resolveBackend(binding.network.backend).portOf(mine.id)
  const port = part.links.find((link) => link.kind === 'veth' && link.name === name)
  const master = port?.kind === 'veth' ? port.master : ''
  const bridge = part.links.find((link) => link.kind === 'bridge' && link.name === master)
  const tunnel = part.links.find((link) => link.kind === 'vxlan' && isOf(link, master, place))
  return {
    place,
    port: { place, name, bridge: master },
    bridge: bridge?.kind === 'bridge' ? bridge : undefined,
    tunnel: tunnel?.kind === 'vxlan' ? tunnel : undefined,
  }
}

/** In a sandbox each bridge has one of its own. */
function isOf({ master }: VxlanLink, bridge: string, place: Place): boolean {
  return place === HOST ? master === undefined : master === bridge
}

/** What leads to the other host. */
export interface Lead {
  /** of routed networks */
  readonly route?: RoutePlan
  /** absent: there is no tunnel on the way */
  readonly entry?: WantedEntry
}

/**
 * @param behind what is behind the other host: the endpoint, or of a routed network the range
 * @param way to that host
 */
export function leadTo({ binding }: Path, ip: Ip, behind: Peer, way: Way): Lead {
  const { reach } = resolveBackend(binding.network.backend)
  const { network } = binding
  const routes = reach.routes?.(network, behind, way) ?? []
  const route = routes.find(({ to }) => contains(to, ip))
  const neighbours = reach.neighbours?.(network, behind, way) ?? []
  const next = route === undefined ? ip : (route.via ?? ip)
  const neighbour = neighbours.find((one) => one.ip === next)
  const fdb = reach.fdb?.(network, behind, way).find(({ mac }) => mac === neighbour?.mac)
  const entry =
    neighbour === undefined || fdb === undefined
      ? undefined
      : { ...neighbour, place: homeOf(binding), vtep: fdb.vtep }
  return { ...(route && { route }), ...(entry && { entry }) }
}

/** The peer that stands for an address of a routed network. */
export function rangeAt(host: string, range: Cidr): Peer {
  return { id: range, host, range }
}

/** Whether blocks are behind other hosts, and not endpoints. */
export function isRouted({ binding }: Pick<Path, 'binding'>): boolean {
  return resolveBackend(binding.network.backend).follows === 'blocks'
}
