/**
 * Who may have which address: one interface, two ways to decide. In scope global the leader of a
 * swarm changes hosts, so each address is decided in the store (address-plan.ts); in scope local
 * hosts own blocks and decide inside them alone (block-book.ts).
 */
import type { Cidr, Ip } from '../core/ip.js'
import type { NetworkKey } from '../core/types.js'
import type { AddressDocument, PoolDocument } from '../state/documents.js'
import type { PoolRef } from '../state/keys.js'

export interface Claim extends PoolRef {
  readonly ip: Ip
  readonly kind: AddressDocument['kind']
  /** swarm's leader: what it holds from another term of its own is granted again */
  readonly term?: string
}

/** Where an address may be chosen from. */
export interface Choice extends PoolRef {
  /** `--ip-range` */
  readonly subPool?: Cidr | undefined
  /** of the endpoint that it is for, where dockerd says it */
  readonly name?: string | undefined
}

export interface HoldOptions {
  /** `new`: one that is there already counts as overlapping */
  readonly only?: 'new'
  /** prefix length of the pool's blocks, if the user named one */
  readonly block?: number
  /** of a pool that is made anew: the length that its blocks had */
  readonly former?: number
  /** of a pool that is made anew: its blocks are subnets of their own */
  readonly routed?: boolean
  /** this host's dockerd hands out its addresses by itself, from the bottom: others begin at the top */
  readonly byDockerd?: boolean
}

export interface AddressBook {
  /** Pools of one address space, or of all. */
  pools(space: string | undefined, signal?: AbortSignal): Promise<readonly PoolDocument[]>
  /**
   * Notes that this host uses the pool, making it if it is new.
   * @throws TsoverlayError POOL_OVERLAP when it overlaps another pool of its space,
   * OPTION_INVALID when it has blocks of another size
   */
  hold(ref: PoolRef, signal?: AbortSignal, options?: HoldOptions): Promise<PoolDocument>
  /** Takes what the first container will need, so that its start has not to wait for the store. */
  prepare(choice: Choice, signal?: AbortSignal): Promise<void>
  /**
   * This host uses the pool no longer; the last one out removes it with all its addresses.
   * @param network swarm's leader: the one that has the pool; bound to another, it stays
   */
  drop(ref: PoolRef, signal?: AbortSignal, network?: NetworkKey): Promise<void>
  /**
   * The gateway of a pool: the one given, else the one that the pool has, else its first address.
   * All hosts of the network share it.
   * @throws TsoverlayError as claim
   */
  gateway(
    ref: PoolRef,
    wanted: Ip | undefined,
    subPool: Cidr | undefined,
    signal?: AbortSignal,
  ): Promise<Ip>
  /**
   * Takes one given address.
   * @throws TsoverlayError ADDRESS_INVALID outside the pool, ADDRESS_TAKEN naming the holder,
   * OWNER_UNAVAILABLE when the host that decides on it does not answer
   */
  claim(claim: Claim, signal?: AbortSignal): Promise<void>
  /**
   * Takes one given address if this host may give it without asking anybody.
   * @returns false when `claim` must
   */
  claimNow(claim: Claim): Promise<boolean>
  /** An endpoint is about to use the address, which `allocate` or `claim` gave out. @throws as claim */
  confirm(ref: PoolRef, ip: Ip, signal?: AbortSignal): Promise<void>
  /** An address that was given out, as its container's interface shall have it. */
  onLink(ref: PoolRef, ip: Ip): Cidr
  /**
   * Chooses and takes a free address, of the first pool that has one.
   * @returns as onLink
   * @param term see Claim
   * @throws TsoverlayError POOL_EXHAUSTED
   */
  allocate(choices: readonly Choice[], signal?: AbortSignal, term?: string): Promise<Cidr>
  /** Gives an address back if no store has to be told of it; @returns false when `release` must. */
  releaseNow(ref: PoolRef, ip: Ip): boolean
  /** Gives an address back; one that this host does not hold, or a reserved one, stays. */
  release(ref: PoolRef, ip: Ip, signal?: AbortSignal, term?: string): Promise<void>
}
