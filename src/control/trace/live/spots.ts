/** The devices that a probe passes, in their order, and how its packets look there. */
import { basename } from 'node:path'
import { familyOf, type Ip } from '../../../core/ip.js'
import type { Ear, Wrapping } from '../../../core/live.js'
import { HOST, type Part, type Place, type VxlanLink } from '../../../core/plan.js'
import type { LocalEndpoint } from '../../../core/types.js'
import { insideOf } from '../inside.js'
import { interfaceOf } from '../judge/container.js'
import type { Path, TraceParts } from '../parts.js'
import { type Home, homeIn, type Lead } from '../wanted.js'

export type Kind = 'container' | 'port' | 'vxlan device' | 'underlay'

export interface Spot {
  readonly hop: Kind
  readonly about: string
  /** of probes */
  readonly there: Ear
  /** of answers, which may go another way */
  readonly back: Ear
  /** what comes before commands in its namespace; empty in the host's own */
  readonly into: string
}

/** Who sends, or is sent to. */
export interface End {
  readonly path: Path
  readonly part: Part
  readonly lead: Lead
  /** VTEP of the other host; absent: both are on this one */
  readonly vtep?: Ip
}

/** From the container to the wire. */
export async function spotsOut(parts: TraceParts, end: End): Promise<readonly Spot[]> {
  const home = homeIn(end.part, end.path)
  const { vtep } = end
  const own = await ownSpots(parts, end.path, home, 'out')
  if (vtep === undefined) return own
  const { entry, route } = end.lead
  const answered = entry === undefined ? undefined : home.tunnel
  const sent = tunnelOf(end.part, entry?.dev) ?? answered
  const dev = entry === undefined ? route?.dev : undefined
  return [...own, ...(await outside(parts, { vtep, dev, sent, answered, home }, 'out'))]
}

/** From the wire to the container. @param tunnelled as the other host says it sends */
export async function spotsIn(
  parts: TraceParts,
  end: End,
  tunnelled: boolean,
): Promise<readonly Spot[]> {
  const home = homeIn(end.part, end.path)
  const { vtep } = end
  const own = (await ownSpots(parts, end.path, home, 'in')).toReversed()
  if (vtep === undefined) return own
  const { entry, route } = end.lead
  const sent = tunnelled ? home.tunnel : undefined
  const answered = tunnelOf(end.part, entry?.dev) ?? sent
  const dev = tunnelled ? undefined : route?.dev
  return [...(await outside(parts, { vtep, dev, sent, answered, home }, 'in')), ...own]
}

/** The container's interface and its port. @param way of probes, as the host sees it */
async function ownSpots(
  parts: TraceParts,
  { mine, name, other }: Path,
  { place, port }: Home,
  way: 'in' | 'out',
): Promise<readonly Spot[]> {
  const dev = await interfaceName(parts, mine, other.ip)
  const where = basename(mine.sandboxKey ?? '')
  const inside = way === 'out' ? 'in' : 'out'
  return [
    spot(
      'container',
      `${dev} of ${name}`,
      { where, dev, way },
      { into: `tsoverlay netns ${name}` },
    ),
    spot('port', port.name, { where: place, dev: port.name, way: inside }, { into: enter(place) }),
  ]
}

async function interfaceName(parts: TraceParts, mine: LocalEndpoint, ip: Ip): Promise<string> {
  const inside = await insideOf(parts, mine, [ip])
  return (inside && interfaceOf(inside, mine))?.name ?? 'eth0'
}

interface Outside {
  readonly vtep: Ip
  /** by which bare packets leave; absent: not known */
  readonly dev: string | undefined
  /** tunnels of probes and of answers; absent: bare packets */
  readonly sent: VxlanLink | undefined
  readonly answered: VxlanLink | undefined
  readonly home: Home
}

/** The tunnel's device and the host's own, as probes that leave meet them. */
async function outside(
  parts: TraceParts,
  { vtep, dev, sent, answered, home }: Outside,
  way: 'in' | 'out',
): Promise<readonly Spot[]> {
  const own = parts.underlay.known?.link?.dev
  const leaves = dev ?? (await deviceTo(parts, vtep)) ?? own ?? ''
  const arrives = own ?? leaves
  const [there, back] = way === 'out' ? [leaves, arrives] : [arrives, leaves]
  const underlay = spot(
    'underlay',
    there,
    { where: HOST, dev: there, way, ...wrapped(sent, vtep) },
    {
      back: { dev: back, ...wrapped(answered, vtep) },
      into: '',
    },
  )
  if (sent === undefined) return [underlay]
  const { place } = home
  const vxlan = spot(
    'vxlan device',
    sent.name,
    { where: place, dev: sent.name, way },
    {
      back: { dev: answered?.name ?? sent.name },
      into: enter(place),
    },
  )
  return way === 'out' ? [vxlan, underlay] : [underlay, vxlan]
}

/** By which this host sends to a VTEP. */
async function deviceTo({ dataplane }: TraceParts, vtep: Ip): Promise<string | undefined> {
  const host = await dataplane.path.surroundings(HOST, { ips: [vtep] })
  return host?.routes.find(({ kind }) => kind === 'unicast')?.dev
}

function tunnelOf({ links }: Part, dev: string | undefined): VxlanLink | undefined {
  const found = links.find((link) => link.kind === 'vxlan' && link.name === dev)
  return found?.kind === 'vxlan' ? found : undefined
}

function wrapped(tunnel: VxlanLink | undefined, vtep: Ip): { readonly wrapping?: Wrapping } {
  if (tunnel === undefined) return {}
  const { vni, port } = tunnel
  return { wrapping: { vni, port, family: familyOf(vtep) } }
}

function spot(
  hop: Kind,
  about: string,
  there: Ear,
  { back = {}, into }: { readonly back?: Partial<Ear>; readonly into: string },
): Spot {
  const way = there.way === 'in' ? 'out' : 'in'
  return { hop, about, there, back: { ...there, ...back, way }, into }
}

function enter(place: Place): string {
  return place === HOST ? '' : `tsoverlay netns ${place}`
}
