/** The links of one namespace. */
import type { Cidr } from '../../core/ip.js'
import type { LinkReading, PortReading } from '../../core/kernel.js'
import { SANDBOX_MARK } from '../places/marks.js'
import { decodeAddress, dumpAddresses } from '../rtnl/address-codec.js'
import { decodeLink, dumpLinks, type LinkState } from '../rtnl/link-codec.js'
import { decodeLinkEnds, type LinkEnds } from '../rtnl/link-ends.js'
import type { Rtnl } from '../rtnl/rtnl.js'

/** A link with its other end as its own namespace sees it. */
export type FoundLink = Omit<LinkReading, 'peer'> & Pick<LinkEnds, 'other' | 'nsid'>

export interface FoundLinks {
  readonly links: readonly FoundLink[]
  /** they are those of a sandbox of our making */
  readonly ours: boolean
}

/** In the order of their ifindexes. @throws TsoverlayError KERNEL_FAILED */
export async function readLinks(rtnl: Rtnl): Promise<FoundLinks> {
  const bodies = await rtnl.dump(dumpLinks())
  const addresses = await readAddresses(rtnl)
  const states = bodies.map(decodeLink)
  const names = new Map(states.map(({ index, name }) => [index, name]))
  const links = states.map((state, at) => {
    const ends = decodeLinkEnds(bodies[at] ?? Buffer.alloc(0))
    return linkOf(state, ends, names, addresses.get(state.index) ?? [])
  })
  return {
    links: links.sort((a, b) => a.index - b.index),
    ours: states.some(({ name, alias }) => name === 'lo' && alias === SANDBOX_MARK),
  }
}

async function readAddresses(rtnl: Rtnl): Promise<ReadonlyMap<number, readonly Cidr[]>> {
  const found = new Map<number, Cidr[]>()
  for (const body of await rtnl.dump(dumpAddresses())) {
    const state = decodeAddress(body)
    if (state === undefined) continue
    const list = found.get(state.ifindex)
    if (list === undefined) found.set(state.ifindex, [state.address])
    else list.push(state.address)
  }
  return found
}

function linkOf(
  state: LinkState,
  ends: LinkEnds,
  names: ReadonlyMap<number, string>,
  addresses: readonly Cidr[],
): FoundLink {
  const { index, name, kind, mac, mtu, up, vxlan } = state
  const master = state.master === 0 ? undefined : names.get(state.master)
  const port = portOf(state, ends)
  return {
    index,
    name,
    kind,
    mtu,
    up,
    carrier: ends.carrier,
    addresses,
    other: ends.other,
    ...(ends.nsid === undefined ? {} : { nsid: ends.nsid }),
    ...(mac === undefined ? {} : { mac }),
    ...(master === undefined ? {} : { master }),
    ...(vxlan === undefined ? {} : { vxlan: vxlanOf(vxlan) }),
    ...(port === undefined ? {} : { port }),
  }
}

function vxlanOf({
  vni,
  port,
  local,
}: NonNullable<LinkState['vxlan']>): NonNullable<LinkReading['vxlan']> {
  return { vni, port, ...(local === undefined ? {} : { local }) }
}

function portOf({ port }: LinkState, { portState }: LinkEnds): PortReading | undefined {
  if (port === undefined || portState === undefined) return undefined
  return { state: portState, ...port }
}
