/** Of several endpoints that have announced an address, who has it: pure. */
import type { Ip } from '../../core/ip.js'
import type { Endpoint, Peer } from '../../core/types.js'

/** 0: it has not announced it. */
export function turnOf(peer: Peer, ip: string): number {
  const floating = 'floating' in peer ? peer.floating : undefined
  return floating?.find((float) => float.ip === ip)?.turn ?? 0
}

/**
 * Whoever has it stands first, by the same rule on every host. An id is of one host; two hosts that
 * claim it all the same are told apart by theirs.
 */
export function byTurn(a: Peer, b: Peer, key: string): number {
  const turns = turnOf(b, key) - turnOf(a, key)
  if (turns !== 0) return turns
  if (a.id !== b.id) return a.id < b.id ? -1 : 1
  return a.host < b.host ? -1 : 1
}

/** The endpoint without the address. */
export function withoutFloat<E extends Endpoint>(endpoint: E, ip: Ip): E {
  const { floating = [], ...bare } = endpoint
  const rest = floating.filter((float) => float.ip !== ip)
  return (rest.length === 0 ? bare : { ...bare, floating: rest }) as E
}

/** The endpoint with the address, of which others had the turns before. */
export function withFloat<E extends Endpoint>(endpoint: E, ip: Ip, others: Iterable<Endpoint>): E {
  const turns = [endpoint, ...others].map((each) => turnOf(each, ip))
  const float = { ip, turn: Math.max(...turns) + 1 }
  const rest = (endpoint.floating ?? []).filter((each) => each.ip !== ip)
  return { ...endpoint, floating: [...rest, float] }
}
