/**
 * Puts into the store what this host has and the store has not: after the store was lost or put back
 * from an older backup, and after this host was removed from the cluster and came back. What this
 * host does not have is put back by the hosts that do.
 *
 * Networks and subnets go through the outbox, in one line with their creations and removals.
 * Contradictions (another host has the address of a container here) are problems: a line in the
 * log, and in /status until they are gone. No container is touched.
 */
import { rest, untilAborted } from '../../core/deadline.js'
import { hasCode, messageOf } from '../../core/errors.js'
import { ipOf } from '../../core/ip.js'
import type { Logger, Store } from '../../core/ports.js'
import type { Endpoint, LocalEndpoint } from '../../core/types.js'
import type { BlockBook } from '../../ipam/block-book.js'
import { poolSubject } from '../../ipam/subjects.js'
import { type Binding, documents } from '../../state/documents.js'
import type { Epoch } from '../../state/epoch.js'
import type { Identity } from '../../state/identity.js'
import type { Journal } from '../../state/journal.js'
import { attachmentOf, keys, lastPart, poolOfKey } from '../../state/keys.js'
import type { Chore, Outbox } from '../../state/outbox.js'
import type { Peers } from '../peers/peers.js'
import { chores, usageOf, type VtepSource } from './chores.js'
import { refOf } from './foreign-addresses.js'
import { Sightings } from './sightings.js'

const LOOK_MS = 2_000
/** Longer than a creation takes. */
const STALE_MS = 60_000

export interface RestorationParts {
  readonly store: Store
  readonly epoch: Epoch
  readonly journal: Journal
  readonly blocks: BlockBook
  readonly outbox: Outbox
  readonly identity: Identity
  readonly vtep: VtepSource
  readonly peers: Pick<Peers, 'lacks'>
  readonly logger: Logger
  /** milliseconds, never going back */
  readonly now: () => number
  readonly staleMs?: number
  /** the networks are in the store again */
  readonly onRestored: () => void
}

export interface Conflict {
  readonly endpoint: string
  readonly problem: string
}

export class Restoration {
  readonly #parts: RestorationParts
  readonly #closing = new AbortController()
  readonly #stale: Sightings
  #conflicts: ReadonlyMap<string, string> = new Map()
  /** at the start, too: nobody may have told this host that it was removed meanwhile */
  #due = true
  #running: Promise<void> | undefined

  constructor(parts: RestorationParts) {
    this.#parts = parts
    this.#stale = new Sightings({ rounds: 2, ms: parts.staleMs ?? STALE_MS, now: parts.now })
  }

  /** Follows the store; it does not have to be there yet. */
  start(): void {
    this.#running ??= this.#looks()
  }

  async close(): Promise<void> {
    this.#closing.abort()
    await this.#running
  }

  /** Endpoints whose address is another host's in the store. */
  status(): readonly Conflict[] {
    return [...this.#conflicts].map(([endpoint, problem]) => ({ endpoint, problem }))
  }

  async #looks(): Promise<void> {
    const { signal } = this.#closing
    while (!signal.aborted) {
      await this.look().catch((error: unknown) => {
        this.#parts.logger.debug({ err: messageOf(error) }, 'store is compared later')
      })
      await rest(LOOK_MS, signal)
    }
  }

  /** Looks once, and puts back what is missing. @throws TsoverlayError STORE_UNAVAILABLE */
  async look(): Promise<void> {
    const { epoch, store, identity, vtep, peers, logger, onRestored } = this.#parts
    if (await epoch.check()) this.#due = true
    // The list of hosts is followed anyway: the store is asked only when this one is not in it.
    if (vtep.current !== undefined && !this.#due && peers.lacks(identity.id)) {
      this.#due = (await store.get(keys.host(identity.id))) === undefined
      if (this.#due) logger.warn({}, 'this host is not in the store, putting back what it has')
    }
    if (this.#due) {
      await this.#restore()
      this.#due = false
      onRestored()
    } else if (this.#conflicts.size === 0 && !this.#stale.any) return
    await this.#leaveStale()
    await this.#restoreAddresses()
  }

  /** @throws TsoverlayError DEADLINE_EXCEEDED at the end of this process; the chore stays owed */
  #submit(chore: Chore): Promise<void> {
    return untilAborted(this.#parts.outbox.submit(chore), this.#closing.signal, 'the store')
  }

  async #restore(): Promise<void> {
    const { journal } = this.#parts
    await this.#submit(chores.publishHost())
    for (const binding of [...journal.bindings.values()]) {
      if (binding.ipam === 'swarm') continue
      for (const { pool } of binding.network.segments.flatMap(({ subnets }) => subnets))
        await this.#submit(chores.restorePool({ space: binding.network.space, pool }))
      await this.#submit(chores.restoreNetwork(binding))
      await this.#restoreEndpoints(binding)
    }
    // What networks of other drivers have from our IPAM.
    for (const hold of [...journal.pools.values()])
      if (hold.boundTo === undefined) await this.#submit(chores.restorePool(hold))
    await this.#removeStale()
  }

  /**
   * Endpoints of networks that this host does not have. No endpoint stands in the store without its
   * network, so each network is asked for this host's: a cluster has too many endpoints to list them
   * all, within the time that a list has.
   */
  async #removeStale(): Promise<void> {
    const { store, journal, identity } = this.#parts
    for (const network of (await store.keys(keys.networks)).map(lastPart)) {
      if (journal.bindingOf(network) !== undefined) continue
      for (const key of await store.keys(keys.hostEndpoints(network, identity.id)))
        await this.#submit(chores.publishEndpoint({ id: lastPart(key), network }))
    }
  }

  /** Also removes those that the store has and this host has not. */
  async #restoreEndpoints({ network, dockerNetwork }: Binding): Promise<void> {
    const { store, journal, identity } = this.#parts
    const { entries } = await store.list(keys.hostEndpoints(network.key, identity.id))
    const known = new Map(
      entries.map(({ key, value }) => [lastPart(key), documents.endpoint.decode(value)]),
    )
    for (const endpoint of journal.endpointsOf(dockerNetwork)) {
      const same = saysOf(known.get(endpoint.id)) === saysOf(endpoint)
      known.delete(endpoint.id)
      if (!same) await this.#submit(chores.publishEndpoint(endpoint))
    }
    for (const id of known.keys())
      await this.#submit(chores.publishEndpoint({ id, network: network.key }))
  }

  /** Networks and subnets that the store says this host has; one that is just being made looks so, too. */
  async #leaveStale(): Promise<void> {
    const { store, journal, identity } = this.#parts
    const isStale = this.#stale.round()
    for (const key of await store.keys(keys.allAttachments)) {
      const { network, host } = attachmentOf(key)
      if (host !== identity.id || journal.bindingOf(network) !== undefined) continue
      if (isStale(key)) await this.#submit(chores.leaveNetwork(network))
    }
    for (const key of await store.keys(keys.allHolders)) {
      const ref = poolOfKey(key)
      if (lastPart(key) !== identity.id || usageOf(journal, ref) !== 'none') continue
      const { space, pool } = ref
      const chore = { kind: 'drop-pool', subject: poolSubject(ref), args: { space, pool } }
      if (isStale(key)) await this.#submit(chore)
    }
  }

  /** Each address of a container here has to be this host's to use. */
  async #restoreAddresses(): Promise<void> {
    const { journal, logger } = this.#parts
    const conflicts = new Map<string, string>()
    for (const endpoint of [...journal.endpoints.values()]) {
      const problem = await this.#addressesOf(endpoint)
      if (problem === undefined) continue
      conflicts.set(endpoint.id, problem)
      if (this.#conflicts.get(endpoint.id) !== problem)
        logger.error({ endpoint: endpoint.id.slice(0, 12), problem }, 'address is used twice')
    }
    this.#conflicts = conflicts
  }

  async #addressesOf(endpoint: LocalEndpoint): Promise<string | undefined> {
    const { journal, blocks } = this.#parts
    const binding = journal.bindings.get(endpoint.dockerNetwork)
    if (binding === undefined || binding.ipam === 'swarm') return undefined
    for (const address of endpoint.addresses) {
      const ref = refOf(binding, address)
      try {
        if (ref !== undefined) await blocks.keep(ref, ipOf(address), this.#closing.signal)
      } catch (error) {
        // An owner that does not answer may do so later: conflicts are looked at again and again.
        if (hasCode(error, 'ADDRESS_TAKEN', 'OWNER_UNAVAILABLE', 'POOL_UNKNOWN'))
          return error.message
        throw error
      }
    }
    return undefined
  }
}

function saysOf(endpoint: Endpoint | undefined): string | undefined {
  return (
    endpoint && JSON.stringify([endpoint.addresses, endpoint.floating ?? [], endpoint.names ?? []])
  )
}
