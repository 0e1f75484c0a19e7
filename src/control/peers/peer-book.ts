/**
 * What the backend says of all peers of one network, kept from pass to pass, so that a pass costs
 * what has changed and not what there is. The same as if it were made anew for each pass
 * (test/control/peers/peer-book.test.ts).
 */
import type { Entries, EntrySet, TableName } from '../../core/plan.js'
import { routeKey } from '../../core/plan.js'
import type { Reach } from '../../core/ports.js'
import type { HostId, Network, Peer, Way } from '../../core/types.js'
import { Claims } from './claims.js'

type Books = { readonly [T in TableName]: Claims<Entries[T]> }

const KEYS: { readonly [T in TableName]: (entry: Entries[T]) => string } = {
  neighbours: ({ ip }) => ip,
  fdb: ({ mac }) => mac,
  routes: routeKey,
  proxies: ({ ip }) => ip,
}

/**
 * A MAC counts within its segment only, and a neighbour's key in the way that the backend uses it: an
 * address is one peer's on all devices of the network.
 */
const SCOPES: { readonly [T in TableName]: (dev: string) => string } = {
  neighbours: () => '',
  fdb: (dev) => dev,
  routes: () => '',
  proxies: () => '',
}

export class PeerBook {
  readonly #network: Network
  readonly #reach: Reach
  readonly #ways = new Map<HostId, Way | undefined>()
  readonly #books: Books
  /** those that the backend has anything in */
  readonly #used: readonly Pick<Claims<Entries['fdb']>, 'add' | 'remove'>[]

  /** @param reach of the network's backend */
  constructor(network: Network, reach: Reach) {
    this.#network = network
    this.#reach = reach
    this.#books = {
      neighbours: this.#claimsOf('neighbours'),
      fdb: this.#claimsOf('fdb'),
      routes: this.#claimsOf('routes'),
      proxies: this.#claimsOf('proxies'),
    }
    const { neighbours, fdb, routes, proxies } = reach
    this.#used = [
      ...(neighbours === undefined ? [] : [this.#books.neighbours]),
      ...(fdb === undefined ? [] : [this.#books.fdb]),
      ...(routes === undefined ? [] : [this.#books.routes]),
      ...(proxies === undefined ? [] : [this.#books.proxies]),
    ]
  }

  /** What is wanted in a table. */
  entries<T extends TableName>(table: T): EntrySet<Entries[T]> {
    return this.#books[table]
  }

  /** Hosts whose way was asked for. */
  knows(host: HostId): boolean {
    return this.#ways.has(host)
  }

  /** The way by which peers of the host are reached; undefined: they are not. */
  wayOf(host: HostId): Way | undefined {
    return this.#ways.get(host)
  }

  /** Hosts by which peers are, or were, reached. */
  hosts(): readonly HostId[] {
    return [...this.#ways].flatMap(([host, way]) => (way === undefined ? [] : [host]))
  }

  /** None of the host's peers may be in. */
  setWay(host: HostId, way: Way | undefined): void {
    this.#ways.set(host, way)
  }

  add(peer: Peer): void {
    for (const book of this.#used) book.add(peer)
  }

  remove(peer: Peer): void {
    for (const book of this.#used) book.remove(peer)
  }

  /**
   * @param peers what this host has itself, as others see it
   * @param way to this host, as others may have it
   */
  setLocal(peers: readonly Peer[], way: Way): void {
    this.#setHere('neighbours', peers, way)
    this.#setHere('fdb', peers, way)
    this.#setHere('routes', peers, way)
    this.#setHere('proxies', peers, way)
  }

  #setHere<T extends TableName>(table: T, peers: readonly Peer[], way: Way): void {
    const reach = this.#reach[table]
    if (reach === undefined) return
    this.#books[table].setHere(peers.flatMap((peer) => reach(this.#network, peer, way)))
  }

  #claimsOf<T extends TableName>(table: T): Claims<Entries[T]> {
    const reach = this.#reach[table]
    return new Claims<Entries[T]>({
      entriesOf: (peer) => {
        const way = this.#ways.get(peer.host)
        return way === undefined || reach === undefined ? [] : reach(this.#network, peer, way)
      },
      keyOf: KEYS[table],
      scopeOf: SCOPES[table],
    })
  }
}
