/** What users are told when addresses or pools are refused. */
import { TsoverlayError } from '../core/errors.js'
import type { Cidr, Ip } from '../core/ip.js'
import { invalidOption } from '../core/options.js'
import type { PoolRef } from '../state/keys.js'
import { BLOCK_OPTION } from './block-size.js'

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

export function unusableError(pool: Cidr, ip: Ip): TsoverlayError {
  return new TsoverlayError(
    'ADDRESS_INVALID',
    `address ${ip} is not usable in subnet ${pool}: allowed is any address inside it but its network and broadcast address`,
  )
}

/** @param taken what of it is taken, and by whom */
export function exhaustedError(
  ref: PoolRef,
  subPool: Cidr | undefined,
  taken: string,
): TsoverlayError {
  const range = subPool === undefined ? '' : ` (IP range ${subPool})`
  return new TsoverlayError(
    'POOL_EXHAUSTED',
    `subnet ${ref.pool}${range} has no free address left: ${taken}`,
  )
}

/** @param why `is held by a container on host h1` */
export function takenError(pool: Cidr, ip: Ip, why: string): TsoverlayError {
  return new TsoverlayError(
    'ADDRESS_TAKEN',
    `address ${ip} of subnet ${pool} ${why}: choose another or leave it out`,
  )
}

export const RESERVED = 'is reserved as a gateway or auxiliary address'

/** @param purpose `the broadcast address of the block 10.244.1.0/24` */
export function asideError(pool: Cidr, ip: Ip, purpose: string): TsoverlayError {
  return new TsoverlayError(
    'ADDRESS_INVALID',
    `address ${ip} is not usable in subnet ${pool}: it is ${purpose}; choose another or leave it out`,
  )
}

/** @param longest prefix length of the smallest block of a routed pool */
export function smallPoolError(pool: Cidr, longest: number): TsoverlayError {
  return new TsoverlayError(
    'POOL_INVALID',
    `subnet ${pool} is too small for this backend, which gives each host a block of it, a /${longest} at least: allowed is a prefix length up to /${longest - 1}`,
  )
}

export function routedBlockError(
  pool: Cidr,
  wanted: number,
  from: number,
  to: number,
): TsoverlayError {
  return invalidOption(
    '--ipam-opt',
    BLOCK_OPTION,
    String(wanted),
    `a prefix length from ${from} to ${to} in the subnet ${pool} with this backend, which gives each host a block`,
  )
}

/** Addresses of it were handed out before it became a routed pool. */
export function inUseError(pool: Cidr): TsoverlayError {
  return new TsoverlayError(
    'POOL_IN_USE',
    `subnet ${pool} has containers on this host already, of a network of another driver: choose another --subnet`,
  )
}

export function otherBlockError(pool: Cidr, has: number, wanted: number): TsoverlayError {
  return invalidOption(
    '--ipam-opt',
    BLOCK_OPTION,
    String(wanted),
    `${has}, which the subnet ${pool} has in this cluster`,
  )
}

export function silentOwnerError(pool: Cidr, ip: Ip, owner: string): TsoverlayError {
  return new TsoverlayError(
    'OWNER_UNAVAILABLE',
    `address ${ip} of subnet ${pool} is for host ${owner} to give, which does not answer: start that host, or choose another address`,
  )
}
