/**
 * Who else is on the networks that this host uses: endpoints of other hosts with their VTEPs. One
 * watch on the hosts, and one per network with local endpoints; other networks cost nothing.
 */
import { untilAborted } from '../../core/deadline.js'
import type { Ip } from '../../core/ip.js'
import type { Logger, Reach, Store } from '../../core/ports.js'
import type { Endpoint, Host, HostId, Network, NetworkKey, Underlay } from '../../core/types.js'
import { documents } from '../../state/documents.js'
import { keys, lastPart } from '../../state/keys.js'
import { Mirror } from '../../state/mirror.js'
import { LINGER_MS } from './linger.js'
import { NetworkPeers } from './network-peers.js'
import { PeerBook } from './peer-book.js'
import type { PeerSource } from './peer-source.js'
import { Ways } from './ways.js'

/** How long after a loss of data in the store no peer is taken for gone: its host puts it back. */
const HOLD_MS = 15_000

/** What is followed of a network. */
export interface Followed {
  /** `own`: nobody here asks for those of other hosts */
  readonly endpoints: 'all' | 'own'
  /** absent: the endpoints are the peers */
  readonly blocks?: PeerSource
}

export class Peers {
  readonly #store: Store
  readonly #self: HostId
  readonly #logger: Logger
  readonly #hosts: Mirror<Host>
  readonly #networks = new Map<NetworkKey, NetworkPeers>()
  readonly #closing = new Map<NetworkKey, NodeJS.Timeout>()
  readonly #lingerMs: number
  readonly #ways: Ways
  #knowsHosts = false
  #holdEnd = Number.NEGATIVE_INFINITY
  #holding: NodeJS.Timeout | undefined
  readonly #follows: (network: NetworkKey) => Followed
  #onChange: (network: NetworkKey) => void = () => undefined
  #onHosts: () => void = () => undefined

  constructor(options: {
    store: Store
    self: HostId
    logger: Logger
    /** how long a network is followed after its last endpoint (ms) */
    lingerMs?: number
    /** what is followed of a network, by key; absent: all endpoints, and they are the peers */
    follows?: (network: NetworkKey) => Followed
  }) {
    this.#follows = options.follows ?? (() => ({ endpoints: 'all' }))
    this.#lingerMs = options.lingerMs ?? LINGER_MS
    this.#store = options.store
    this.#self = options.self
    this.#logger = options.logger
    this.#ways = new Ways(options.logger)
    this.#hosts = new Mirror({
      store: options.store,
      prefix: keys.hosts,
      decode: (_key, value) => documents.host.decode(value),
      logger: options.logger,
      onRegress: () => this.#hold(),
    })
  }

  /**
   * @param onChange called with each open network whose peers or their VTEPs changed
   * @param onHosts called when the hosts of the cluster are known, and when they change
   */
  start(onChange: (network: NetworkKey) => void, onHosts: () => void = () => undefined): void {
    this.#onChange = onChange
    this.#onHosts = onHosts
    this.#hosts.onChange((changed) => {
      this.#onHosts()
      const hosts = [...changed.keys()].map(lastPart)
      for (const [network, peers] of this.#networks) {
        peers.noteHosts(hosts)
        this.#onChange(network)
      }
    })
    this.#hosts.start()
    this.#hosts.synced().then(
      () => {
        this.#knowsHosts = true
        this.#onHosts()
      },
      () => undefined, // closed before it was synced
    )
  }

  /** Follows a network's endpoints; open already is success. */
  open(network: NetworkKey): void {
    clearTimeout(this.#closing.get(network))
    this.#closing.delete(network)
    if (this.#networks.has(network)) return
    const { endpoints, blocks } = this.#follows(network)
    const opened = new NetworkPeers({
      store: this.#store,
      logger: this.#logger,
      prefix:
        endpoints === 'all' ? keys.endpoints(network) : keys.hostEndpoints(network, this.#self),
      hostOf: (id) => (id === this.#self ? undefined : this.#hosts.get(keys.host(id))),
      wayOf: (host) => this.#ways.to(host),
      blocks,
      onRegress: () => this.#hold(),
    })
    this.#networks.set(network, opened)
    opened.onPeers(() => this.#onChange(network))
    opened.start()
    Promise.all([opened.read(), this.#hosts.synced()]).then(
      () => {
        opened.synced = true
        this.#onChange(network)
      },
      () => undefined, // closed before it was synced
    )
  }

  /** The network is not used any more, but may soon be again: then it need not be read anew. */
  close(network: NetworkKey): void {
    if (!this.#networks.has(network) || this.#closing.has(network)) return
    const timer = setTimeout(() => this.#drop(network), this.#lingerMs)
    this.#closing.set(network, timer.unref())
  }

  #drop(network: NetworkKey): void {
    clearTimeout(this.#closing.get(network))
    this.#closing.delete(network)
    void this.#networks.get(network)?.close()
    this.#networks.delete(network)
  }

  closeAll(): void {
    clearTimeout(this.#holding)
    for (const network of [...this.#networks.keys()]) this.#drop(network)
    void this.#hosts.close()
  }

  /** The containers go on talking although the store does not know of them for a while. */
  #hold(): void {
    if (performance.now() >= this.#holdEnd)
      this.#logger.warn({}, 'the store is older than before, peers are kept for now')
    this.#holdEnd = performance.now() + HOLD_MS
    clearTimeout(this.#holding)
    this.#holding = setTimeout(() => {
      for (const network of this.#networks.keys()) this.#onChange(network)
    }, HOLD_MS + 100)
    this.#holding.unref()
  }

  /** False until the store was read once, and when it has lost data: then a missing peer means nothing. */
  isSynced(network: NetworkKey): boolean {
    if (performance.now() < this.#holdEnd) return false
    return this.#networks.get(network)?.synced === true
  }

  /**
   * Resolves when the network's peers are known.
   * @throws TsoverlayError DEADLINE_EXCEEDED
   */
  async synced(network: NetworkKey, signal: AbortSignal): Promise<void> {
    const opened = this.#networks.get(network)
    if (opened === undefined || opened.synced) return
    const both = Promise.all([opened.read(), this.#hosts.synced()])
    await untilAborted(both, signal, 'the list of peers from the store')
    opened.synced = true
  }

  /** What this host sends by: VTEPs of the other family cannot be sent to. */
  useUnderlay(underlay: Underlay): void {
    const isOther = this.#ways.use(underlay)
    const hosts = this.hosts().map(({ id }) => id)
    for (const peers of this.#networks.values()) {
      if (isOther) peers.forget()
      else peers.noteHosts(hosts)
    }
  }

  /** @param narrow VTEP → what was found to pass on the way there */
  keepTo(narrow: ReadonlyMap<Ip, number>): void {
    this.#ways.keepTo(narrow)
    const hosts = this.hosts().map(({ id }) => id)
    for (const [network, peers] of this.#networks) {
      peers.noteHosts(hosts)
      this.#onChange(network)
    }
  }

  /**
   * What the backend says of all peers that this host can send to, brought up to date; it is to be
   * read before the next call.
   * @param reach of the network's backend
   */
  async book(network: Network, reach: Reach): Promise<PeerBook> {
    const peers = this.#networks.get(network.key)
    return (await peers?.settle(network, reach)) ?? new PeerBook(network, reach)
  }

  /**
   * The store's revision at the last change of the network's peers or of the hosts that was heard here.
   * 0: the store was not read yet, or nothing of the network is followed.
   */
  revision(network: NetworkKey): number {
    const peers = this.#networks.get(network)?.revision ?? 0
    return peers === 0 ? 0 : Math.max(peers, this.#hosts.revision)
  }

  /** How many peers of the network this host can send to. */
  count(network: NetworkKey): number {
    return this.#networks.get(network)?.count ?? 0
  }

  /** Whether a peer with that address was planned on the device. */
  has(network: NetworkKey, dev: string, ip: Ip): boolean {
    return this.#networks.get(network)?.has('neighbours', dev, ip) === true
  }

  /** Endpoints of other hosts that have announced an address of the network. */
  floaters(network: NetworkKey): Endpoint[] {
    const all = this.#networks.get(network)?.floaters() ?? []
    return [...all].filter(({ host }) => host !== this.#self)
  }

  /** All endpoints of a network that is open, this host's too: live, not to be held over an await. */
  *endpoints(network: NetworkKey): Generator<Endpoint> {
    for (const [, endpoint] of this.#networks.get(network)?.mirror.entries() ?? []) yield endpoint
  }

  /** Endpoints of other hosts that have the name, of a network that is open. */
  named(network: NetworkKey, name: string): readonly Endpoint[] {
    return this.#others(this.#networks.get(network)?.names.named(name))
  }

  /** Endpoints of other hosts that have the address, of a network that is open. */
  withAddress(network: NetworkKey, ip: Ip): readonly Endpoint[] {
    return this.#others(this.#networks.get(network)?.names.withAddress(ip))
  }

  #others(endpoints: readonly Endpoint[] = []): readonly Endpoint[] {
    return endpoints.filter(({ host }) => host !== this.#self)
  }

  /** What people call a host; its id, if that is not known. */
  hostName(id: HostId): string {
    return this.#hosts.get(keys.host(id))?.name ?? id
  }

  /** This host's own endpoints in the store, of the networks that are open. */
  own(): Endpoint[] {
    const own: Endpoint[] = []
    for (const { mirror } of this.#networks.values()) {
      for (const [, endpoint] of mirror.entries())
        if (endpoint.host === this.#self) own.push(endpoint)
    }
    return own
  }

  /** Names of the hosts that have endpoints on the network, but a VTEP of the other family. */
  parted(network: NetworkKey): readonly string[] {
    const hosts = this.#networks.get(network)?.hosts() ?? []
    const names = hosts.filter((host) => this.#ways.isParted(host)).map(({ name }) => name)
    return [...new Set(names)].sort()
  }

  /** The hosts that this one sends to, as it has containers on networks that they are on. */
  used(): Host[] {
    const ids = new Set([...this.#networks.values()].flatMap((each) => each.reachedHosts()))
    return [...ids].flatMap((id) => this.#hosts.get(keys.host(id)) ?? [])
  }

  /** Of a network that is open, the hosts that this one sends to. */
  reached(network: NetworkKey): readonly HostId[] {
    return this.#networks.get(network)?.reachedHosts() ?? []
  }

  /** False until the store was read once: then hosts may be missing. */
  get knowsHosts(): boolean {
    return this.#knowsHosts
  }

  /** All hosts of the cluster, this one too. */
  hosts(): Host[] {
    return [...this.#hosts.entries()].map(([, host]) => host)
  }

  /** Whether the store was read and does not have the host. */
  lacks(host: HostId): boolean {
    return this.#knowsHosts && this.#hosts.get(keys.host(host)) === undefined
  }
}
