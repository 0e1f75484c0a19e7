/**
 * The PoolID that dockerd keeps and gives back with every address call. It says all that is needed
 * to serve the call, so no table of ids can get lost.
 */
import { TsoverlayError } from '../core/errors.js'
import { type Cidr, contains, familyOf, networkOf, parseCidr } from '../core/ip.js'
import { checkRendezvous } from '../core/options.js'
import type { PoolRef } from '../state/keys.js'

export interface PoolId extends PoolRef {
  readonly addressSpace: string
  /** `--ip-range`: the part of the pool from which addresses are chosen */
  readonly subPool?: Cidr
}

const SEPARATOR = '|'

export function formatPoolId(id: PoolId): string {
  return [id.addressSpace, id.space, id.pool, id.subPool ?? ''].join(SEPARATOR)
}

/** @throws TsoverlayError POOL_UNKNOWN for text that formatPoolId cannot have made */
export function parsePoolId(text: string): PoolId {
  const [addressSpace = '', space = '', poolText = '', subText = '', ...rest] =
    text.split(SEPARATOR)
  const pool = parseCidr(poolText)
  const subPool = parseCidr(subText)
  if (rest.length > 0 || addressSpace === '' || pool === undefined) throw unknownPool(text)
  const id = { addressSpace, space, pool, ...(subPool === undefined ? {} : { subPool }) }
  if (!isSound(id) || formatPoolId(id) !== text) throw unknownPool(text)
  return id
}

/** Whether requestPool can have let it pass: anything else would be a second name of some pool. */
function isSound({ space, pool, subPool }: PoolId): boolean {
  try {
    if (space !== '') checkRendezvous('--ipam-opt', space)
    const checked = checkPool(pool, subPool)
    return checked.pool === pool && checked.subPool === subPool
  } catch {
    return false
  }
}

function unknownPool(text: string): TsoverlayError {
  const shown = text.length > 200 ? `${text.slice(0, 200)}…` : text
  return new TsoverlayError('POOL_UNKNOWN', `pool id "${shown}" was not given out by this plugin`)
}

/**
 * Checks what the user gave as `--subnet` and `--ip-range`.
 * @returns both with their host bits cleared
 * @throws TsoverlayError POOL_INVALID
 */
export function checkPool(
  pool: Cidr,
  subPool: Cidr | undefined,
): { readonly pool: Cidr; readonly subPool?: Cidr } {
  const longest = familyOf(pool) === 4 ? 30 : 126
  const length = Number(pool.slice(pool.indexOf('/') + 1))
  if (length < 8 || length > longest) {
    throw new TsoverlayError(
      'POOL_INVALID',
      `subnet ${pool} is not usable: its prefix length must be from /8 to /${longest}`,
    )
  }
  const whole = networkOf(pool)
  if (subPool === undefined) return { pool: whole }
  if (!contains(whole, subPool)) {
    throw new TsoverlayError(
      'POOL_INVALID',
      `IP range ${subPool} is not inside the subnet ${whole}`,
    )
  }
  return { pool: whole, subPool: networkOf(subPool) }
}

/** For releases, which never fail: undefined for an id that we cannot have given out. */
export function readPoolId(text: string): PoolId | undefined {
  try {
    return parsePoolId(text)
  } catch {
    return undefined
  }
}
