/**
 * What docker knows each network of the cluster by, and which network has a name. A network has at
 * most one name and a name at most one network; every change is a transaction over both records.
 */
import type { Entry, Guard, Store, Write } from '../core/ports.js'
import type { HostId, NetworkKey } from '../core/types.js'
import { documents, type Publication } from './documents.js'
import { keys, lastPart } from './keys.js'
import { retryConflicts } from './retry.js'

export type Published =
  /** it is published as given: anew, or again after a removal */
  | { readonly state: 'published' }
  /** it was published under this name already */
  | { readonly state: 'joined'; readonly publication: Publication }
  /** the cluster has the network under another name */
  | { readonly state: 'renamed'; readonly name: string }
  /** another network has the name */
  | { readonly state: 'taken'; readonly by: NetworkKey }
  /** no such network in the store */
  | { readonly state: 'gone' }

interface Found {
  readonly entry: Entry
  readonly publication: Publication
}

export class Publications {
  readonly #store: Store
  readonly #host: { readonly id: HostId; readonly name: string }

  constructor(store: Store, host: { readonly id: HostId; readonly name: string }) {
    this.#store = store
    this.#host = host
  }

  async get(key: NetworkKey, signal?: AbortSignal): Promise<Publication | undefined> {
    return (await this.#find(key, signal))?.publication
  }

  /** Claims the name for the network. One that is being removed is in nobody's way. */
  publish(publication: Publication, signal?: AbortSignal): Promise<Published> {
    const { key, name } = publication
    return retryConflicts(`the name ${name}`, signal, async () => {
      const [found, claim] = await Promise.all([
        this.#find(key, signal),
        this.#store.get(keys.name(name), signal),
      ])
      const known = found === undefined ? undefined : alreadyPublished(found.publication, name)
      if (known !== undefined) return known
      const holder = await this.#validHolder(claim, key, name, signal)
      if (holder !== undefined) return { state: 'taken', by: holder }
      const guards: Guard[] = [
        { key: keys.network(key), is: 'present' },
        guardOf(keys.publication(key), found?.entry),
        guardOf(keys.name(name), claim),
      ]
      const writes: Write[] = [
        { put: keys.publication(key), value: documents.publication.encode(publication) },
        { put: keys.name(name), value: key },
      ]
      if ((await this.#store.txn(guards, writes, signal)).done) return { state: 'published' }
      const gone = (await this.#store.get(keys.network(key), signal)) === undefined
      return gone ? { state: 'gone' } : undefined
    })
  }

  /**
   * A user removed the network on this host: it shall go everywhere, where others use it as soon as
   * they do not any more.
   * @returns these, with the number of their endpoints; empty when the removal is on its way
   */
  requestRemoval(
    { key, name }: Pick<Publication, 'key' | 'name'>,
    at: string,
    signal?: AbortSignal,
  ): Promise<ReadonlyMap<string, number>> {
    return retryConflicts(`the removal of network ${key}`, signal, async () => {
      const found = await this.#find(key, signal)
      if (found?.publication.name !== name || found.publication.removal !== undefined)
        return new Map()
      const { unwanted, ...rest } = found.publication
      const users = await this.#otherUsers(key, unwanted?.users ?? [], signal)
      const value = documents.publication.encode({
        ...rest,
        ...removalOf({ host: this.#host.name, at }, [...users.keys()]),
      })
      const write = { put: keys.publication(key), value }
      const { done } = await this.#store.txn([unchanged(found.entry)], [write], signal)
      return done ? this.#named(users, signal) : undefined
    })
  }

  /**
   * Takes a removal back, as this host has containers of the network.
   * @param remembered it shall still go with the last of them
   * @returns false when the network is not published any more or another one has its name
   */
  withdrawRemoval(key: NetworkKey, remembered: boolean, signal?: AbortSignal): Promise<boolean> {
    return retryConflicts(`the removal of network ${key}`, signal, async () => {
      const found = await this.#find(key, signal)
      if (found === undefined) return false
      const { removal, ...publication } = found.publication
      if (removal === undefined) return true
      const claim = await ownedName(this.#store, key, signal)
      if (claim === undefined) return false
      const guards = [unchanged(found.entry), unchanged(claim)]
      const unwanted = { ...removal, users: [this.#host.id] }
      const kept = remembered ? { ...publication, unwanted } : publication
      const writes: Write[] = [
        { put: keys.publication(key), value: documents.publication.encode(kept) },
        // Whoever was about to take the name over has to look again.
        { put: claim.key, value: key },
      ]
      return (await this.#store.txn(guards, writes, signal)).done ? true : undefined
    })
  }

  /** Notes that an unwanted network stays also because of this host. */
  hold(key: NetworkKey, signal?: AbortSignal): Promise<void> {
    return this.#changeUsers(key, (users) => [...users, this.#host.id], signal)
  }

  /** Notes that it does not stay because of this host any more: without another one it goes. */
  letGo(key: NetworkKey, signal?: AbortSignal): Promise<void> {
    const others = (users: readonly HostId[]): HostId[] =>
      users.filter((id) => id !== this.#host.id)
    return this.#changeUsers(key, others, signal)
  }

  #changeUsers(
    key: NetworkKey,
    change: (users: readonly HostId[]) => readonly HostId[],
    signal?: AbortSignal,
  ): Promise<void> {
    return retryConflicts(`the removal of network ${key}`, signal, async () => {
      const found = await this.#find(key, signal)
      if (found?.publication.unwanted === undefined) return null
      const { unwanted, ...rest } = found.publication
      const { host, at } = unwanted
      const users = await this.#attached(key, change(unwanted.users), signal)
      const publication = { ...rest, ...removalOf({ host, at }, users) }
      const write = { put: keys.publication(key), value: documents.publication.encode(publication) }
      const { done } = await this.#store.txn([unchanged(found.entry)], [write], signal)
      return done ? null : undefined
    }).then(() => undefined)
  }

  /** Those of the hosts that have the network: one that was removed from the cluster has not. */
  async #attached(
    key: NetworkKey,
    hosts: readonly HostId[],
    signal?: AbortSignal,
  ): Promise<readonly HostId[]> {
    if (hosts.length === 0) return []
    const known = new Set((await this.#store.keys(keys.attachments(key), signal)).map(lastPart))
    return [...new Set(hosts)].filter((id) => known.has(id))
  }

  /** Name of a host, for people. */
  async #hostName(id: HostId, signal?: AbortSignal): Promise<string> {
    const entry = await this.#store.get(keys.host(id), signal)
    return (entry && documents.host.decode(entry.value)?.name) ?? id
  }

  /** @param known use it without an endpoint, as their containers do not run */
  async #otherUsers(
    key: NetworkKey,
    known: readonly HostId[],
    signal?: AbortSignal,
  ): Promise<Map<HostId, number>> {
    const others = known.filter((id) => id !== this.#host.id)
    const attached = await this.#attached(key, others, signal)
    const counts = new Map<HostId, number>(attached.map((id) => [id, 0]))
    for (const endpoint of await this.#store.keys(keys.endpoints(key), signal)) {
      const host = lastPart(endpoint.slice(0, endpoint.lastIndexOf('/')))
      if (host !== this.#host.id) counts.set(host, (counts.get(host) ?? 0) + 1)
    }
    return counts
  }

  async #named(
    counts: ReadonlyMap<HostId, number>,
    signal?: AbortSignal,
  ): Promise<Map<string, number>> {
    const users = new Map<string, number>()
    for (const [host, count] of counts) users.set(await this.#hostName(host, signal), count)
    return users
  }

  async #find(key: NetworkKey, signal?: AbortSignal): Promise<Found | undefined> {
    const entry = await this.#store.get(keys.publication(key), signal)
    const publication = entry && documents.publication.decode(entry.value)
    return entry && publication && { entry, publication }
  }

  /** The network that has the name and keeps it. */
  async #validHolder(
    claim: Entry | undefined,
    key: NetworkKey,
    name: string,
    signal?: AbortSignal,
  ): Promise<NetworkKey | undefined> {
    if (claim === undefined || claim.value === key) return undefined
    const holder = await this.get(claim.value, signal)
    return holder?.name === name && holder.removal === undefined ? holder.key : undefined
  }
}

/** How a publication tells that a user has removed the network. */
function removalOf(
  removal: NonNullable<Publication['removal']>,
  users: readonly HostId[],
): Pick<Publication, 'removal' | 'unwanted'> {
  return users.length === 0 ? { removal } : { unwanted: { ...removal, users: [...users] } }
}

function alreadyPublished(publication: Publication, name: string): Published | undefined {
  if (publication.removal !== undefined) return undefined
  return publication.name === name
    ? { state: 'joined', publication }
    : { state: 'renamed', name: publication.name }
}

/** The record by which a network has its name; undefined when it has none, or no longer. */
export async function ownedName(
  store: Store,
  key: NetworkKey,
  signal?: AbortSignal,
): Promise<Entry | undefined> {
  const entry = await store.get(keys.publication(key), signal)
  const publication = entry && documents.publication.decode(entry.value)
  const claim = publication && (await store.get(keys.name(publication.name), signal))
  return claim?.value === key ? claim : undefined
}

/** @returns the guard that nobody has written the entry since it was read */
export function unchanged(entry: Entry): Guard {
  return { key: entry.key, is: 'unchanged', revision: entry.revision }
}

function guardOf(key: string, entry: Entry | undefined): Guard {
  return entry === undefined ? { key, is: 'absent' } : unchanged(entry)
}
