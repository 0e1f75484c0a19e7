/** When no block is free: any address of any owner, and what a user is told if there is none. */
import type { TsoverlayError } from '../core/errors.js'
import { bitsOf, type Cidr, familyOf, type Ip, prefixLength } from '../core/ip.js'
import type { HostId } from '../core/types.js'
import type { PoolRef } from '../state/keys.js'
import type { Choice } from './address-book.js'
import type { BlockKeeper } from './block-keeper.js'
import { touches } from './block-size.js'
import type { Borrower } from './borrower.js'
import { usableRange } from './candidates.js'
import type { Claims } from './claims.js'
import { exhaustedError } from './ipam-errors.js'

export class FullPool {
  readonly #keeper: BlockKeeper
  readonly #borrower: Borrower
  readonly #claims: Pick<Claims, 'nameOf'>
  readonly #answerMs: number

  /** @param answerMs how long all owners together have to answer, in milliseconds */
  constructor(
    keeper: BlockKeeper,
    borrower: Borrower,
    claims: Pick<Claims, 'nameOf'>,
    answerMs: number,
  ) {
    this.#keeper = keeper
    this.#borrower = borrower
    this.#claims = claims
    this.#answerMs = answerMs
  }

  /** Asks one owner after the other. @throws TsoverlayError STORE_UNAVAILABLE */
  async borrow(
    choice: Choice,
    signal?: AbortSignal,
  ): Promise<{ readonly ip: Ip } | { readonly full: TsoverlayError }> {
    const owners = await this.#keeper.register.owners(choice, signal)
    const shares = new Map<HostId, number>()
    for (const [block, host] of owners) {
      if (!touches(block, choice.subPool)) continue
      shares.set(host, (shares.get(host) ?? 0) + sizeOf(choice, block))
    }
    const others = [...shares.keys()].filter((host) => host !== this.#keeper.parts.host)
    const silent: string[] = []
    for (const owner of others) {
      const waitMs = this.#answerMs / others.length
      const wish = { ...choice, kind: 'endpoint' } as const
      const answer = await this.#borrower.ask(owner, wish, waitMs, signal)
      if ('granted' in answer) return { ip: answer.granted }
      if ('silent' in answer) silent.push(await this.#claims.nameOf(owner, signal))
    }
    return { full: await this.#errorOf(choice, shares, silent, signal) }
  }

  async #errorOf(
    choice: Choice,
    shares: ReadonlyMap<HostId, number>,
    silent: readonly string[],
    signal?: AbortSignal,
  ): Promise<TsoverlayError> {
    const most = [...shares].sort(([, a], [, b]) => b - a)[0]
    const size = sizeOf(choice, choice.subPool ?? choice.pool)
    const who =
      most === undefined
        ? ''
        : `, most of them (${most[1]}) in blocks of ${await this.#claims.nameOf(most[0], signal)}`
    const quiet = silent.length === 0 ? '' : `; no answer came from ${silent.join(', ')}`
    return exhaustedError(choice, choice.subPool, `it has ${size} addresses${who}${quiet}`)
  }
}

/** Usable addresses of a part of the pool. */
function sizeOf({ pool }: PoolRef, part: Cidr): number {
  const { first, last } = usableRange(pool, part)
  const most = 1n << BigInt(bitsOf(familyOf(pool)) - prefixLength(part))
  const size = last - first + 1n
  return Number(size < 0n ? 0n : size > most ? most : size)
}
