/**
 * The endpoints of one network as the store has them, and what the backend says of the peers of other
 * hosts, which are these endpoints or blocks. Changes are collected as they come and worked in by the
 * next pass.
 */
import { isDeepStrictEqual } from 'node:util'
import type { TableName } from '../../core/plan.js'
import type { Logger, Reach, Store } from '../../core/ports.js'
import { inTurns } from '../../core/turns.js'
import {
  type Endpoint,
  type Host,
  type HostId,
  isBlock,
  type Network,
  type Peer,
  type Way,
} from '../../core/types.js'
import { isSameWay } from '../../core/way.js'
import { documents } from '../../state/documents.js'
import { Mirror } from '../../state/mirror.js'
import { NameIndex } from './name-index.js'
import { PeerBook } from './peer-book.js'
import type { PeerSource } from './peer-source.js'

/** With more endpoints on hosts whose VTEP changed, all is made anew: that lets others have a turn. */
const REMAKE_FROM = 5_000
/** Of so many at once there is always one that is more than new names. */
const MANY = 100

export interface NetworkPeersOptions {
  readonly store: Store
  readonly logger: Logger
  /** the host of an endpoint, if it is another one and known */
  readonly hostOf: (id: HostId) => Host | undefined
  /** the way there, if this host can send there */
  readonly wayOf: (host: Host) => Way | undefined
  /** absent: the endpoints are the peers */
  readonly blocks?: PeerSource | undefined
  /** the endpoints that are followed: all of the network, or this host's own */
  readonly prefix: string
  readonly onRegress: () => void
}

export class NetworkPeers {
  /** Both the endpoints and their hosts were read once. */
  synced = false
  readonly mirror: Mirror<Endpoint>
  readonly #peers: PeerSource
  readonly #options: NetworkPeersOptions
  #book: PeerBook | undefined
  #network: Network | undefined
  /** peers that have changed, with what the book has of them */
  #pending = new Map<string, Peer | undefined>()
  #hosts = new Set<HostId>()
  #names: NameIndex | undefined
  readonly #floaters = new Map<string, Endpoint>()

  constructor(options: NetworkPeersOptions) {
    this.#options = options
    const { store, logger, prefix, onRegress } = options
    const intern = interning()
    this.mirror = new Mirror<Endpoint>({
      store,
      prefix,
      decode: (_key, value) => compact(documents.endpoint.decode(value), intern),
      logger,
      onRegress,
    })
    this.#peers = options.blocks ?? this.mirror
    this.mirror.onChange((changed) => this.#noteEndpoints(changed))
    this.#peers.onChange((changed) => this.#notePeers(changed))
  }

  start(): void {
    this.mirror.start()
    if (this.#peers !== this.mirror) this.#peers.start()
  }

  /**
   * Resolves once all of the network was read.
   * @throws TsoverlayError DEADLINE_EXCEEDED when it is closed before
   */
  async read(): Promise<void> {
    await Promise.all([this.mirror.synced(), this.#peers.synced()])
  }

  async close(): Promise<void> {
    await Promise.all([this.mirror.close(), this.#peers.close()])
  }

  /** @param onChange called when more than the names of endpoints has changed, or what is followed of blocks */
  onPeers(onChange: () => void): void {
    this.#peers.onChange((changed) => {
      if (this.#peers !== this.mirror || this.concernsKernel(changed)) onChange()
    })
  }

  /** Records of these hosts have changed. */
  noteHosts(hosts: Iterable<HostId>): void {
    for (const host of hosts) this.#hosts.add(host)
  }

  /** The next pass makes all anew. */
  forget(): void {
    this.#book = undefined
    this.#pending.clear()
  }

  /**
   * Works in what has changed, letting others have a turn now and then.
   * @param reach of the network's backend
   */
  async settle(network: Network, reach: Reach): Promise<PeerBook> {
    if (network !== this.#network) this.forget()
    this.#network = network
    for (;;) {
      const book = this.#book ?? (await this.#make(new PeerBook(network, reach)))
      await this.#workIn(book)
      if (this.#book !== book || this.#pending.size > 0) continue
      if (this.#workInHosts(book)) return book
    }
  }

  /** The store's revision that peers are known as of; 0: it was not read yet. */
  get revision(): number {
    return this.#peers.revision
  }

  /** How many endpoints of other hosts there are. */
  get count(): number {
    let count = 0
    for (const [, { host }] of this.mirror.entries()) {
      const known = this.#options.hostOf(host)
      if (known !== undefined && this.#options.wayOf(known) !== undefined) count += 1
    }
    return count
  }

  /** The hosts that passes have reached peers on, without a look at each peer. */
  reachedHosts(): readonly HostId[] {
    return this.#book?.hosts() ?? []
  }

  /** The hosts that have peers. */
  hosts(): readonly Host[] {
    const ids = new Set<HostId>()
    for (const [, { host }] of this.#peers.entries()) ids.add(host)
    return [...ids].flatMap((id) => this.#options.hostOf(id) ?? [])
  }

  /** Whether the last pass was told of an entry of that key. */
  has(table: TableName, dev: string, key: string): boolean {
    return this.#book?.entries(table).get(dev, key) !== undefined
  }

  /**
   * Whether more than names has changed. Names are learned a moment after an endpoint has come, and
   * need no pass.
   */
  concernsKernel(changed: ReadonlyMap<string, Peer | undefined>): boolean {
    if (changed.size > MANY) return true
    for (const [key, former] of changed) {
      if (!isSameButNames(former, this.#peers.get(key))) return true
    }
    return false
  }

  /** Endpoints of all hosts that have announced an address. */
  floaters(): Iterable<Endpoint> {
    return this.#floaters.values()
  }

  /** By name, made at the first question and followed from then on. */
  get names(): NameIndex {
    this.#names ??= new NameIndex(() => this.mirror.values())
    return this.#names
  }

  #noteNames(changed: ReadonlyMap<string, Endpoint | undefined>): void {
    // Most of it is new: the next question makes it anew.
    if (2 * changed.size > this.mirror.size) this.#names = undefined
    if (this.#names === undefined) return
    for (const [key, former] of changed) {
      if (former !== undefined) this.#names.remove(former)
      const endpoint = this.mirror.get(key)
      if (endpoint !== undefined) this.#names.add(endpoint)
    }
  }

  #noteEndpoints(changed: ReadonlyMap<string, Endpoint | undefined>): void {
    this.#noteNames(changed)
    for (const key of changed.keys()) {
      const endpoint = this.mirror.get(key)
      if (endpoint?.floating !== undefined) this.#floaters.set(key, endpoint)
      else if (this.#floaters.size > 0) this.#floaters.delete(key)
    }
  }

  #notePeers(changed: ReadonlyMap<string, Peer | undefined>): void {
    // most of it is new, as after the first snapshot: to make all anew takes less time and memory
    if (2 * changed.size > this.#peers.size) this.forget()
    if (this.#book === undefined) return
    for (const [key, former] of changed) {
      if (!this.#pending.has(key)) this.#pending.set(key, former)
    }
  }

  async #make(book: PeerBook): Promise<PeerBook> {
    this.#book = book
    this.#pending = new Map()
    this.#hosts.clear()
    await inTurns(this.#peers.entries(), ([, peer]) => this.#add(book, peer))
    return book
  }

  async #workIn(book: PeerBook): Promise<void> {
    while (this.#pending.size > 0) {
      const pending = this.#pending
      this.#pending = new Map()
      await inTurns(pending, ([key, former]) => {
        if (former !== undefined) book.remove(former)
        const peer = this.#peers.get(key)
        if (peer !== undefined) this.#add(book, peer)
      })
    }
  }

  /**
   * Ways that have changed. Nothing is pending, so the book is as the mirror, and stays so, as
   * nothing waits here.
   * @returns false when all has to be made anew
   */
  #workInHosts(book: PeerBook): boolean {
    const ways = new Map<HostId, Way | undefined>()
    for (const host of this.#hosts) {
      const way = this.#wayOf(host)
      if (book.knows(host) && !isSameWay(book.wayOf(host), way)) ways.set(host, way)
    }
    this.#hosts.clear()
    if (ways.size === 0) return true
    const moved = [...this.#peers.entries()]
      .map(([, peer]) => peer)
      .filter(({ host }) => ways.has(host))
    if (moved.length > REMAKE_FROM) {
      this.forget()
      return false
    }
    for (const peer of moved) book.remove(peer)
    for (const [host, way] of ways) book.setWay(host, way)
    for (const peer of moved) book.add(peer)
    return true
  }

  #add(book: PeerBook, peer: Peer): void {
    const { host } = peer
    if (!book.knows(host)) book.setWay(host, this.#wayOf(host))
    book.add(peer)
  }

  #wayOf(id: HostId): Way | undefined {
    const host = this.#options.hostOf(id)
    return host && this.#options.wayOf(host)
  }
}

function isSameButNames(a: Peer | undefined, b: Peer | undefined): boolean {
  if (a === undefined || b === undefined || isBlock(a) || isBlock(b)) return a === b
  const [{ names: _a, ...restOfA }, { names: _b, ...restOfB }] = [a, b]
  return isDeepStrictEqual(restOfA, restOfB)
}

/** One text for all that are equal. */
function interning(): (text: string) => string {
  const known = new Map<string, string>()
  return (text) => {
    const same = known.get(text)
    if (same === undefined) known.set(text, text)
    return same ?? text
  }
}

/** As little memory as it can do with: there may be 100,000. */
function compact(
  endpoint: Endpoint | undefined,
  intern: (text: string) => string,
): Endpoint | undefined {
  if (endpoint === undefined) return undefined
  const { id, mac, addresses, floating, names } = endpoint
  const network = intern(endpoint.network)
  const host = intern(endpoint.host)
  const boot = intern(endpoint.boot)
  // Written out: V8 leaves room for more fields in an object with others spread into it.
  if (floating !== undefined)
    return { id, network, host, boot, mac, addresses, floating, ...(names && { names }) }
  if (names !== undefined) return { id, network, host, boot, mac, addresses, names }
  return { id, network, host, boot, mac, addresses }
}
