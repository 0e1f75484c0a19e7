/** The pool of who gives none: the network's own one from elsewhere, else one that nobody uses. */
import { randomBytes } from 'node:crypto'
import type { RequestPoolRequest } from '../core/driver.js'
import { hasCode, TsoverlayError } from '../core/errors.js'
import type { Cidr } from '../core/ip.js'
import type { Dataplane } from '../core/ports.js'
import { isFresh } from '../core/spaces.js'
import type { Journal } from '../state/journal.js'
import type { PoolRef } from '../state/keys.js'
import type { AddressBook, HoldOptions } from './address-book.js'
import { chooseIpv4, chooseIpv6 } from './pool-choice.js'

const CHOICES = 16

export interface PoolChooserParts {
  readonly book: Pick<AddressBook, 'pools'>
  readonly journal: Pick<Journal, 'pools'>
  readonly dataplane: Pick<Dataplane, 'routes'>
  readonly scope: 'local' | 'global'
  /** holds a pool in the plan */
  readonly hold: (ref: PoolRef, signal: AbortSignal, options: HoldOptions) => Promise<void>
  /** @throws TsoverlayError OPTION_INVALID if blocks of the wanted size do not fit */
  readonly optionsFor: (request: RequestPoolRequest, pool: Cidr) => HoldOptions
}

export class PoolChooser {
  readonly #parts: PoolChooserParts
  #choosing: Promise<unknown> = Promise.resolve()

  constructor(parts: PoolChooserParts) {
    this.#parts = parts
  }

  /**
   * @returns a pool; one of IPv4 that nobody had is held by then
   * @throws TsoverlayError POOL_EXHAUSTED
   */
  async choose(space: string, request: RequestPoolRequest, signal: AbortSignal): Promise<Cidr> {
    const shared = await this.#shared(space, request.ipv6 ? ':' : '.', signal)
    if (shared !== undefined) return shared
    if (request.ipv6) return chooseIpv6(randomBytes(7).toString('hex'))
    // In turn: what one call has chosen, the next one sees in the store.
    const chosen = this.#choosing.then(() => this.#chooseIpv4(space, request, signal))
    this.#choosing = chosen.catch(() => undefined)
    return chosen
  }

  /** Of a named network that exists elsewhere already, its own pool. */
  async #shared(space: string, family: ':' | '.', signal: AbortSignal): Promise<Cidr | undefined> {
    const { book, journal } = this.#parts
    if (this.#isNew(space)) return undefined
    const held = new Set(
      [...journal.pools.values()].filter((hold) => hold.space === space).map((hold) => hold.pool),
    )
    const known = (await book.pools(space, signal)).map(({ pool }) => pool)
    return known.find((pool) => pool.includes(family) && !held.has(pool))
  }

  #isNew(space: string): boolean {
    return space === '' || isFresh(space) || this.#parts.scope === 'global'
  }

  async #chooseIpv4(
    space: string,
    request: RequestPoolRequest,
    signal: AbortSignal,
  ): Promise<Cidr> {
    const { book, dataplane, hold, optionsFor } = this.#parts
    const refused: Cidr[] = []
    for (let choice = 0; choice < CHOICES; choice += 1) {
      const [pools, routes] = await Promise.all([book.pools(undefined, signal), dataplane.routes()])
      const pool = chooseIpv4([...refused, ...routes, ...pools.map((document) => document.pool)])
      if (pool === undefined) break
      try {
        // Unnamed networks of two hosts must not become one because both chose the same.
        const only = this.#isNew(space) ? ({ only: 'new' } as const) : {}
        await hold({ space, pool }, signal, { ...optionsFor(request, pool), ...only })
        return pool
      } catch (error) {
        // Another host chose an overlapping one in this very moment.
        if (!hasCode(error, 'POOL_OVERLAP')) throw error
        refused.push(pool)
      }
    }
    throw new TsoverlayError(
      'POOL_EXHAUSTED',
      "no private IPv4 subnet is free of the cluster's pools and this host's routes: give one with --subnet",
    )
  }
}
