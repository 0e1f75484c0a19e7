/**
 * Takes one wanted address, wherever it lies: in a block of this host, in nobody's, in another host's
 * (who is asked), or outside of blocks.
 */
import type { TsoverlayError } from '../core/errors.js'
import { type Ip, prefixLength } from '../core/ip.js'
import type { HostId } from '../core/types.js'
import { documents, type PoolDocument } from '../state/documents.js'
import { keys, type PoolRef } from '../state/keys.js'
import { retryConflicts } from '../state/retry.js'
import type { Claim } from './address-book.js'
import type { BlockKeeper } from './block-keeper.js'
import { blockLength, blockOf } from './block-size.js'
import type { Borrower } from './borrower.js'
import { asideError, RESERVED, silentOwnerError, takenError } from './ipam-errors.js'
import { HELD } from './lender.js'
import type { OwnBlock } from './own-block.js'
import { purposeOf } from './routed-block.js'

export class Claims {
  readonly #keeper: BlockKeeper
  readonly #borrower: Borrower
  readonly #answerMs: number

  /** @param answerMs how long an owner has to answer, in milliseconds */
  constructor(keeper: BlockKeeper, borrower: Borrower, answerMs: number) {
    this.#keeper = keeper
    this.#borrower = borrower
    this.#answerMs = answerMs
  }

  /**
   * @param claim of a usable address
   * @throws TsoverlayError ADDRESS_INVALID for one that a block of a routed pool needs for itself,
   * ADDRESS_TAKEN, STORE_UNAVAILABLE, STORE_CONFLICT
   */
  async take(claim: Claim, signal?: AbortSignal): Promise<void> {
    await retryConflicts(`address ${claim.ip}`, signal, async () => {
      const own = this.#keeper.blocks.holding(claim, claim.ip)
      if (own === undefined) return this.#takeElsewhere(claim, signal)
      if (claim.kind === 'reserved') return this.#reserve(own, claim, signal)
      if (own.routed) refuseAside(claim, prefixLength(own.block))
      return own.take(claim.ip) ? true : this.#taken(own, claim, signal)
    })
  }

  /** As BlockBook.keep. */
  async keep(ref: PoolRef, ip: Ip, signal?: AbortSignal): Promise<void> {
    const { blocks, register, pools } = this.#keeper
    const isKept = (): boolean => blocks.holding(ref, ip)?.held.has(ip) === true
    if (isKept()) return
    const known = await register.outsider(ref, ip, signal)
    if (known?.document.host === this.#keeper.parts.host && known.document.kind === 'endpoint')
      return this.#borrower.note(ref, ip)
    this.#borrower.lose(ref, ip)
    if (known !== undefined)
      throw takenError(ref.pool, ip, await this.#whose(known.document, signal))
    const { document } = await pools.pool(ref, signal)
    const block = blockOf(ref.pool, blockLength(document), ip)
    const owner = await this.#ownerOf(ref, document, ip, signal)
    if (owner === undefined || owner === this.#keeper.parts.host)
      await this.#keeper.obtain(ref, block, signal)
    const own = blocks.get(ref, block)
    if (own === undefined) {
      await this.#ask(owner ?? '', { ...ref, ip, kind: 'endpoint' }, signal)
    } else if (!isKept()) {
      own.adopt(ip)
      own.save()
    }
  }

  /** An address in a block that is not ours, as far as we know. @returns undefined to look again */
  async #takeElsewhere(claim: Claim, signal?: AbortSignal): Promise<true | undefined> {
    const { register, pools, parts } = this.#keeper
    const { pool, ip, kind } = claim
    const known = await register.outsider(claim, ip, signal)
    if (known !== undefined) return this.#takeOutside(claim, known, signal)
    const { document, revision } = await pools.pool(claim, signal)
    const length = blockLength(document)
    if (kind === 'endpoint' && document.routed === true) refuseAside(claim, length)
    const block = blockOf(pool, length, ip)
    const owner = await this.#ownerOf(claim, document, ip, signal)
    if (owner === undefined && kind === 'reserved') {
      const guards = [
        { key: keys.block(claim, block), is: 'absent' },
        // Cut anew, it may be another block that nobody may have.
        { key: keys.pool(claim), is: 'unchanged', revision },
      ] as const
      const put = { host: parts.host, kind }
      const done = await register.putOutside(claim, ip, put, guards, [], signal)
      return done ? true : undefined
    }
    if (owner === undefined || owner === parts.host) {
      await parts.beforeClaim?.(signal)
      await this.#keeper.obtain(claim, block, signal)
      return undefined
    }
    return this.#ask(owner, claim, signal)
  }

  /** A routed pool may have blocks of a former length for a while. */
  #ownerOf(
    ref: PoolRef,
    document: PoolDocument,
    ip: Ip,
    signal?: AbortSignal,
  ): Promise<HostId | undefined> {
    const { register } = this.#keeper
    if (document.routed === true) return register.ownerAt(ref, ip, signal)
    return register.owner(ref, blockOf(ref.pool, blockLength(document), ip), signal)
  }

  async #takeOutside(
    claim: Claim,
    { document, revision }: { document: { host: HostId; kind: string }; revision: number },
    signal?: AbortSignal,
  ): Promise<true | undefined> {
    const { parts, register } = this.#keeper
    if (document.kind === 'reserved' && claim.kind === 'reserved') return true
    const mine = document.kind === 'endpoint' && document.host === parts.host
    const idle = !parts.used(claim).has(claim.ip)
    const handedOut = this.#borrower.has(claim, claim.ip)
    if (!mine || !idle || handedOut || claim.kind === 'reserved') {
      throw takenError(claim.pool, claim.ip, await this.#whose(document, signal))
    }
    // Left by a former run of this host: ours, if nothing is on its way that would give it back.
    if (!(await register.keepOutside(claim, claim.ip, revision, signal))) return undefined
    this.#borrower.note(claim, claim.ip)
    return true
  }

  async #ask(owner: HostId, claim: Claim, signal?: AbortSignal): Promise<true | undefined> {
    const answer = await this.#borrower.ask(owner, claim, this.#answerMs, signal)
    if ('granted' in answer) return true
    const name = await this.nameOf(owner, signal)
    if ('silent' in answer) throw silentOwnerError(claim.pool, claim.ip, name)
    if (!answer.refused.startsWith(HELD)) return undefined
    const endpoint = answer.refused.slice(HELD.length).trim().slice(0, 12)
    const which = endpoint === '' ? '' : ` (endpoint ${endpoint})`
    throw takenError(claim.pool, claim.ip, `is held by a container on host ${name}${which}`)
  }

  #reserve(own: OwnBlock, claim: Claim, signal?: AbortSignal): Promise<true | undefined> {
    const { parts, register } = this.#keeper
    return this.#keeper.serial(claim, async () => {
      const known = await register.outsider(claim, claim.ip, signal)
      if (known !== undefined) return this.#takeOutside(claim, known, signal)
      const document = { host: parts.host, kind: 'reserved' } as const
      const nothing = { guards: [], writes: [] }
      if (this.#keeper.blocks.holding(claim, claim.ip) !== own) return undefined
      if (own.outside(claim.ip) !== undefined) {
        await this.#keeper.settle(claim, [own], signal)
        return undefined
      }
      const put = await this.#keeper.putOutside(own, claim.ip, document, nothing, signal)
      if (put === 'held') throw await this.#heldHere(claim)
      return put === 'done' ? true : undefined
    })
  }

  /** It is in our block and not free: why? @returns undefined when it just came back */
  async #taken(own: OwnBlock, claim: Claim, signal?: AbortSignal): Promise<true | undefined> {
    if (own.held.has(claim.ip)) throw this.#heldHere(claim)
    const known = own.outside(claim.ip)
    if (known?.kind !== undefined) {
      const mine = known.host === this.#keeper.parts.host && known.kind === 'endpoint'
      if (!mine) throw takenError(claim.pool, claim.ip, await this.#whose(known, signal))
    }
    const found = await this.#keeper.register.outsider(claim, claim.ip, signal)
    if (found !== undefined) return this.#takeOutside(claim, found, signal)
    await this.#keeper.serial(claim, () => this.#keeper.settle(claim, [own], signal))
    return undefined
  }

  #heldHere(claim: Claim): TsoverlayError {
    const endpoint = this.#keeper.parts.used(claim).get(claim.ip)?.slice(0, 12)
    const which = endpoint === undefined ? '' : ` (endpoint ${endpoint})`
    return takenError(claim.pool, claim.ip, `is held by a container on this host${which}`)
  }

  async #whose(document: { host: HostId; kind: string }, signal?: AbortSignal): Promise<string> {
    if (document.kind === 'reserved') return RESERVED
    if (document.host === this.#keeper.parts.host) return 'is held by a container on this host'
    return `is held by a container on host ${await this.nameOf(document.host, signal)}`
  }

  /** The name of a host, or its id where the store does not say. */
  async nameOf(host: HostId, signal?: AbortSignal): Promise<string> {
    const record = await this.#keeper.parts.store
      .get(keys.host(host), signal)
      .catch(() => undefined)
    return (record && documents.host.decode(record.value)?.name) ?? host
  }
}

/** @param length prefix length of the routed pool's blocks */
function refuseAside({ pool, ip }: Claim, length: number): void {
  const purpose = purposeOf(length, ip)
  if (purpose !== undefined) throw asideError(pool, ip, purpose)
}
