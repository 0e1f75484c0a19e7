/**
 * The addresses of other hosts' blocks that are this host's in the store, in memory and in its journal.
 * One is noted when the owner has granted it, and struck off before anything is sent that would give it
 * back. So what stands here is this host's whether the store answers or not, and a container that wants
 * it can have it at once, also while its return is owed but has not begun (docs/design/ipam.md).
 */
import type { Ip } from '../core/ip.js'
import type { Loan } from '../state/documents.js'
import { loanId } from '../state/journal.js'
import { keys, type PoolRef } from '../state/keys.js'

/** The part of the journal that loans are kept in. */
export interface LoanShelf {
  get(id: string): Loan | undefined
  values(): Iterable<Loan>
  put(loan: Loan): void
  delete(id: string): void
}

export class Loans {
  readonly #shelf: LoanShelf
  readonly #now: () => number
  /** store keys of those handed out to a container by this process, and since when */
  readonly #out = new Map<string, number>()
  /** ids of those that the store has called ours since this process began */
  readonly #sure = new Set<string>()

  /** @param now milliseconds, never going back */
  constructor(shelf: LoanShelf, now: () => number) {
    this.#shelf = shelf
    this.#now = now
  }

  /** Handed out, and ours by the store's word. */
  note(ref: PoolRef, ip: Ip): void {
    const loan = loanOf(ref, ip)
    this.#out.set(keys.address(ref, ip), this.#now())
    this.#sure.add(loanId(loan))
    if (this.#shelf.get(loanId(loan)) === undefined) this.#shelf.put(loan)
  }

  /** Hands out one that is ours and that nobody has; asks nobody. @returns false where it is not so */
  take(ref: PoolRef, ip: Ip): boolean {
    if (this.isOut(ref, ip) || this.#shelf.get(loanId(loanOf(ref, ip))) === undefined) return false
    this.#out.set(keys.address(ref, ip), this.#now())
    return true
  }

  isOut(ref: PoolRef, ip: Ip): boolean {
    return this.#out.has(keys.address(ref, ip))
  }

  /** Since when it is handed out; undefined when this process did not do it. */
  since(ref: PoolRef, ip: Ip): number | undefined {
    return this.#out.get(keys.address(ref, ip))
  }

  /** No container has it any more; it is ours until its return begins. */
  free(ref: PoolRef, ip: Ip): void {
    this.#out.delete(keys.address(ref, ip))
  }

  /** Not ours any more, or about to go back: from here on it is not handed out. */
  strike(ref: PoolRef, ip: Ip): void {
    const id = loanId(loanOf(ref, ip))
    this.free(ref, ip)
    this.#sure.delete(id)
    this.#shelf.delete(id)
  }

  strikePool(ref: PoolRef): void {
    for (const { space, pool, ip } of [...this.#shelf.values()])
      if (space === ref.space && pool === ref.pool) this.strike(ref, ip)
  }

  /** The store has to be asked about it again. */
  doubt(ref: PoolRef, ip: Ip): void {
    this.#sure.delete(loanId(loanOf(ref, ip)))
  }

  /** The store calls it ours. */
  confirm(ref: PoolRef, ip: Ip): void {
    this.#sure.add(loanId(loanOf(ref, ip)))
  }

  isSure(ref: PoolRef, ip: Ip): boolean {
    return this.#sure.has(loanId(loanOf(ref, ip)))
  }

  /** Those that only the journal calls ours. */
  unsure(): readonly Loan[] {
    return [...this.#shelf.values()].filter((loan) => !this.#sure.has(loanId(loan)))
  }
}

function loanOf({ space, pool }: PoolRef, ip: Ip): Loan {
  return { space, pool, ip }
}
