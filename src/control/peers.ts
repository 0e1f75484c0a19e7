/**
 * Who else is on the networks that this host uses: endpoints of other hosts with their VTEPs. One
 * watch on the hosts, and one per network with local endpoints; other networks cost nothing.
 */
import { untilAborted } from '../core/deadline.js'
import { type Family, familyOf } from '../core/ip.js'
import type { Logger, Store } from '../core/ports.js'
import type { Endpoint, Host, HostId, NetworkKey, Peer } from '../core/types.js'
import { documents } from '../state/documents.js'
import { keys } from '../state/keys.js'
import { Mirror } from '../state/mirror.js'

/** How long after a loss of data in the store no peer is taken for gone: its host puts it back. */
const HOLD_MS = 15_000
const LINGER_MS = 5_000

export class Peers {
  readonly #store: Store
  readonly #self: HostId
  readonly #logger: Logger
  readonly #hosts: Mirror<Host>
  readonly #networks = new Map<NetworkKey, { mirror: Mirror<Endpoint>; synced: boolean }>()
  readonly #closing = new Map<NetworkKey, NodeJS.Timeout>()
  readonly #lingerMs: number
  readonly #parted = new Set<HostId>()
  #knowsHosts = false
  #holdEnd = Number.NEGATIVE_INFINITY
  #holding: NodeJS.Timeout | undefined
  #family: Family | undefined
  #onChange: (network: NetworkKey) => void = () => undefined
  #onHosts: () => void = () => undefined

  constructor(options: {
    store: Store
    self: HostId
    logger: Logger
    /** how long a network is followed after its last endpoint (ms) */
    lingerMs?: number
  }) {
    this.#lingerMs = options.lingerMs ?? LINGER_MS
    this.#store = options.store
    this.#self = options.self
    this.#logger = options.logger
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
    this.#hosts.onChange(() => {
      this.#onHosts()
      for (const network of this.#networks.keys()) this.#onChange(network)
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
    const mirror = new Mirror<Endpoint>({
      store: this.#store,
      prefix: keys.endpoints(network),
      decode: (_key, value) => documents.endpoint.decode(value),
      logger: this.#logger,
      onRegress: () => this.#hold(),
    })
    const opened = { mirror, synced: false }
    this.#networks.set(network, opened)
    mirror.onChange(() => this.#onChange(network))
    mirror.start()
    Promise.all([mirror.synced(), this.#hosts.synced()]).then(
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
    void this.#networks.get(network)?.mirror.close()
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
    const both = Promise.all([opened.mirror.synced(), this.#hosts.synced()])
    await untilAborted(both, signal, 'the list of peers from the store')
    opened.synced = true
  }

  /** This host's VTEP is of this family: VTEPs of the other one cannot be sent to. */
  useFamily(family: Family): void {
    this.#family = family
  }

  /** The peers of a network whose host has a VTEP that this host can send to. */
  of(network: NetworkKey): Peer[] {
    const peers: Peer[] = []
    for (const { endpoint, host } of this.#located(network)) {
      if (this.#isParted(host)) this.#tellParted(host)
      else peers.push({ ...endpoint, vtep: host.vtep })
    }
    return peers
  }

  /** This host's own endpoints in the store, of the networks that are open. */
  own(): Endpoint[] {
    const mirrors = [...this.#networks.values()].map(({ mirror }) => mirror)
    const all = mirrors.flatMap((mirror) => [...mirror.entries()].map(([, endpoint]) => endpoint))
    return all.filter(({ host }) => host === this.#self)
  }

  /** Names of the hosts that have endpoints on the network, but a VTEP of the other family. */
  parted(network: NetworkKey): readonly string[] {
    const hosts = this.#located(network).map(({ host }) => host)
    return [...new Set(hosts.filter((host) => this.#isParted(host)).map(({ name }) => name))].sort()
  }

  #located(network: NetworkKey): { endpoint: Endpoint; host: Host }[] {
    const located: { endpoint: Endpoint; host: Host }[] = []
    for (const [, endpoint] of this.#networks.get(network)?.mirror.entries() ?? []) {
      if (endpoint.host === this.#self) continue
      const host = this.#hosts.get(keys.host(endpoint.host))
      if (host !== undefined) located.push({ endpoint, host })
    }
    return located
  }

  #isParted(host: Host): boolean {
    const parted = this.#family !== undefined && familyOf(host.vtep) !== this.#family
    if (!parted) this.#parted.delete(host.id)
    return parted
  }

  /** Once a host, until it has another VTEP. */
  #tellParted({ id, name, vtep }: Host): void {
    if (this.#parted.has(id)) return
    this.#parted.add(id)
    this.#logger.warn(
      { host: name, vtep, ownFamily: `IPv${this.#family}` },
      'host not reached, its VTEP is of another address family: set ADVERTISE alike on all hosts',
    )
  }

  /** False until the store was read once: then hosts may be missing. */
  get knowsHosts(): boolean {
    return this.#knowsHosts
  }

  /** All hosts of the cluster, this one too. */
  hosts(): Host[] {
    return [...this.#hosts.entries()].map(([, host]) => host)
  }
}
