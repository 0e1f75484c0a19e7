/** Outbox subjects of the address plan: chores of one pool, or one address, keep their order. */
import type { Ip } from '../core/ip.js'
import type { PoolRef } from '../state/keys.js'

export function poolSubject(ref: PoolRef): string {
  return `pool ${ref.space}/${ref.pool}`
}

export function addressSubject(ref: PoolRef, ip: Ip): string {
  return `address ${ref.space}/${ref.pool}/${ip}`
}
