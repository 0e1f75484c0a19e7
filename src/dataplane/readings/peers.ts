/**
 * The other ends of veth pairs. A link says the ifindex of its other end and, if that is elsewhere, its
 * namespace by a number of its own namespace's; which one that is the kernel says of a descriptor. It is
 * asked only of those that have such a link with our ifindex, so there is hardly ever more than one.
 */
import type { PeerReading } from '../../core/kernel.js'
import { decodeNsid, getNsid } from '../rtnl/link-ends.js'
import type { FoundLink } from './links.js'
import type { Visited } from './namespaces.js'

/** @param end of performance.now(): those that are not found until then are told by their ifindex only */
export async function peersOf(
  visited: readonly Visited[],
  end: number,
): Promise<ReadonlyMap<FoundLink, PeerReading>> {
  const peers = new Map<FoundLink, PeerReading>()
  const ends = endsOf(visited)
  for (const here of visited) {
    for (const link of here.found?.links ?? []) {
      if (link.kind !== 'veth' || link.other === 0) continue
      const peer = performance.now() < end ? await peerOf(here, link, ends) : undefined
      peers.set(link, peer ?? { index: link.other })
    }
  }
  return peers
}

interface End {
  readonly there: Visited
  readonly link: FoundLink
}

/** All ends of veth pairs, by their own ifindex and that of their other end. */
function endsOf(visited: readonly Visited[]): ReadonlyMap<string, readonly End[]> {
  const ends = new Map<string, End[]>()
  for (const there of visited) {
    for (const link of there.found?.links ?? []) {
      if (link.kind !== 'veth') continue
      const key = `${link.index} ${link.other}`
      const list = ends.get(key)
      if (list === undefined) ends.set(key, [{ there, link }])
      else list.push({ there, link })
    }
  }
  return ends
}

async function peerOf(
  here: Visited,
  { index, other, nsid }: FoundLink,
  ends: ReadonlyMap<string, readonly End[]>,
): Promise<PeerReading | undefined> {
  const isElsewhere = nsid !== undefined
  for (const { there, link } of ends.get(`${other} ${index}`) ?? []) {
    if (isElsewhere === (there === here)) continue
    if (isElsewhere && (await nsidOf(here, there)) !== nsid) continue
    return { index: other, namespace: there.name, name: link.name }
  }
  return undefined
}

/** By which number one namespace knows another; undefined: by none. */
async function nsidOf(here: Visited, there: Visited): Promise<number | undefined> {
  if (here.opened === undefined || there.opened === undefined) return undefined
  try {
    const body = await here.opened.rtnl.get(getNsid(there.opened.fd), [])
    return body && decodeNsid(body)
  } catch {
    // it is told by its ifindex only
    return undefined
  }
}
