/**
 * Moves subnets that RequestPool gave into the address space of their network, where that is known
 * only at CreateNetwork: RequestPool knows nothing of its siblings, nor of `-o network=NAME`.
 */
import type { PoolData } from '../../core/driver.js'
import { type Cidr, ipOf, networkOf } from '../../core/ip.js'
import type { DockerNetworkId } from '../../core/types.js'
import type { AddressBook } from '../../ipam/address-book.js'
import { poolSubject } from '../../ipam/subjects.js'
import type { PoolHold } from '../../state/documents.js'
import type { Journal } from '../../state/journal.js'
import type { PoolRef } from '../../state/keys.js'
import type { Outbox } from '../../state/outbox.js'

export interface PoolMoveParts {
  readonly book: AddressBook
  readonly journal: Journal
  readonly outbox: Outbox
}

export class PoolMoves {
  readonly #parts: PoolMoveParts

  constructor(parts: PoolMoveParts) {
    this.#parts = parts
  }

  /**
   * Enters subnets with gateway and auxiliary addresses into the space. To be called in
   * `Outbox.making` of those pools, until `settle`.
   * @throws as AddressBook.hold and claim
   */
  async enter(
    holds: readonly PoolHold[],
    space: string,
    data: readonly PoolData[],
    signal: AbortSignal,
  ): Promise<void> {
    const { book } = this.#parts
    for (const { pool, space: from, subPool } of elsewhere(holds, space)) {
      const ref: PoolRef = { space, pool }
      await book.hold(ref, signal, await this.#block(ref, from, signal))
      await book.prepare({ ...ref, subPool }, signal)
      const given = data.find((one) => networkOf(one.pool) === pool)
      if (given?.gateway !== undefined)
        await book.gateway(ref, ipOf(given.gateway), undefined, signal)
      for (const aux of given?.aux ?? [])
        await book.claim({ ...ref, ip: ipOf(aux), kind: 'reserved' }, signal)
    }
  }

  /** The subnets belong to the network; where they came from they are let go. */
  settle(
    holds: readonly PoolHold[],
    space: string,
    network: { readonly id: DockerNetworkId; readonly routed: boolean },
  ): void {
    const bound = { boundTo: network.id, ...(network.routed && { routed: true }) }
    for (const hold of holds) this.#parts.journal.pools.put({ ...hold, space, ...bound })
    this.#drop(elsewhere(holds, space))
  }

  /** The creation was refused: the subnets stay where they were. */
  undo(holds: readonly PoolHold[], space: string): void {
    this.#drop(elsewhere(holds, space).map(({ pool }) => ({ space, pool })))
  }

  #drop(refs: readonly PoolRef[]): void {
    for (const { space, pool } of refs)
      void this.#parts.outbox.submit({
        kind: 'drop-pool',
        subject: poolSubject({ space, pool }),
        args: { space, pool },
      })
  }

  /** The length of its blocks, if it was an option of RequestPool, unless the pool is there already. */
  async #block(
    { space, pool }: PoolRef,
    from: string,
    signal: AbortSignal,
  ): Promise<{ readonly block?: number }> {
    const { book } = this.#parts
    const isThere = (await book.pools(space, signal)).some((one) => one.pool === pool)
    if (isThere) return {}
    const former = (await book.pools(from, signal)).find((one) => one.pool === pool)
    return former?.given !== true || former.block === undefined ? {} : { block: former.block }
  }
}

function elsewhere(holds: readonly PoolHold[], space: string): readonly PoolHold[] {
  const seen = new Set<Cidr>()
  return holds.filter((hold) => {
    if (hold.space === space || seen.has(hold.pool)) return false
    seen.add(hold.pool)
    return true
  })
}
