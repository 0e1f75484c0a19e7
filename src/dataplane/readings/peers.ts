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
  const numbers = new Numbers()
  for (const { there: here, link } of [...ends.values()].flat()) {
    if (link.other === 0 || peers.has(link)) continue
    const other = performance.now() < end ? await otherEnd(here, link, ends, numbers) : undefined
    peers.set(link, other === undefined ? { index: link.other } : peerOf(other))
    // it is so the other way round, too
    if (other !== undefined) peers.set(other.link, peerOf({ there: here, link }))
  }
  return peers
}

function peerOf({ there, link }: End): PeerReading {
  return { index: link.index, namespace: there.name, name: link.name }
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

async function otherEnd(
  here: Visited,
  { index, other, nsid }: FoundLink,
  ends: ReadonlyMap<string, readonly End[]>,
  numbers: Numbers,
): Promise<End | undefined> {
  const isElsewhere = nsid !== undefined
  for (const end of ends.get(`${other} ${index}`) ?? []) {
    if (isElsewhere === (end.there === here)) continue
    if (isElsewhere && (await numbers.of(here, end.there)) !== nsid) continue
    return end
  }
  return undefined
}

/** By which number one namespace knows another, asked once for each two. */
class Numbers {
  readonly #known = new Map<Visited, Map<Visited, number | undefined>>()

  /** undefined: by none */
  async of(here: Visited, there: Visited): Promise<number | undefined> {
    const known = this.#known.get(here) ?? new Map<Visited, number | undefined>()
    this.#known.set(here, known)
    if (!known.has(there)) known.set(there, await nsidOf(here, there))
    return known.get(there)
  }
}

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
