/** What the address plan says when it refuses. */
import { TsoverlayError } from '../core/errors.js'
import type { Cidr, Ip } from '../core/ip.js'
import type { PoolRef } from '../state/keys.js'

export function overlapError(ref: PoolRef, other: Cidr): TsoverlayError {
  const name = ref.space === '' ? 'tsoverlay' : `network ${ref.space}`
  return new TsoverlayError(
    'POOL_OVERLAP',
    `subnet ${ref.pool} overlaps ${other}, which ${name} already uses in this cluster: choose another --subnet, or give the network an address space of its own with --ipam-opt network=NAME and -o network=NAME`,
  )
}

export function noPoolError(ref: PoolRef): TsoverlayError {
  return new TsoverlayError(
    'POOL_UNKNOWN',
    `subnet ${ref.pool} is not in the cluster's address plan: remove the network and create it again`,
  )
}

export function unusableError(claim: PoolRef & { readonly ip: Ip }): TsoverlayError {
  return new TsoverlayError(
    'ADDRESS_INVALID',
    `address ${claim.ip} is not usable in subnet ${claim.pool}: allowed is any address inside it but its network and broadcast address`,
  )
}

export function exhaustedError(
  ref: PoolRef,
  subPool: Cidr | undefined,
  taken: number,
): TsoverlayError {
  const range = subPool === undefined ? '' : ` (IP range ${subPool})`
  return new TsoverlayError(
    'POOL_EXHAUSTED',
    `subnet ${ref.pool}${range} has no free address left: ${taken} are taken`,
  )
}
