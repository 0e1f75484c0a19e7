/**
 * What the kernel asked for and did not know (l3miss). An address of a known peer must be in the
 * kernel: then the network is compared anew. An unknown one is only counted: a container asked for
 * an address that nobody has.
 */
import { ipOf } from '../../core/ip.js'
import type { Logger, Miss } from '../../core/ports.js'
import type { DockerNetworkId } from '../../core/types.js'
import type { Journal } from '../../state/journal.js'
import type { Peers } from '../peers/peers.js'
import { networksAt } from './places.js'
import type { Reconciler } from './reconciler.js'

/** One check per address in this time: the kernel repeats a notice with every packet. */
const QUIET_MS = 1_000
const REMEMBERED = 4_096

export class Misses {
  readonly counters = { known: 0, unknown: 0 }
  readonly #journal: Journal
  readonly #peers: Peers
  readonly #reconciler: Reconciler
  readonly #logger: Logger
  readonly #now: () => number
  readonly #checked = new Map<string, number>()

  constructor(parts: {
    journal: Journal
    peers: Peers
    reconciler: Reconciler
    logger: Logger
    now: () => number
  }) {
    this.#journal = parts.journal
    this.#peers = parts.peers
    this.#reconciler = parts.reconciler
    this.#logger = parts.logger
    this.#now = parts.now
  }

  /** Handles one notice; cheap when the same address was checked a moment ago. */
  handle(miss: Miss): void {
    const id = `${miss.sandbox} ${miss.ip}`
    const last = this.#checked.get(id)
    if (last !== undefined && this.#now() - last < QUIET_MS) return
    if (this.#checked.size >= REMEMBERED) this.#checked.clear()
    this.#checked.set(id, this.#now())
    const network = this.#networkOf(miss.sandbox)
    if (network !== undefined && this.#isHere(network, miss)) return
    if (network === undefined || !this.#isPeer(network, miss)) {
      this.counters.unknown += 1
      this.#logger.debug({ ...miss }, 'address asked for that nobody has')
      return
    }
    this.counters.known += 1
    this.#logger.warn(
      { ...miss, network: network.slice(0, 12) },
      'kernel lacked a known peer, checking the network',
    )
    void this.#reconciler.resync(miss.sandbox)
  }

  #networkOf(sandbox: string): DockerNetworkId | undefined {
    return networksAt(this.#journal.bindings.values(), sandbox)[0]?.dockerNetwork
  }

  /**
   * A request for a local container or the gateway is answered by the bridge's other ports, but
   * flooded to the vxlan device as well, which then reports a miss.
   */
  #isHere(network: DockerNetworkId, miss: Miss): boolean {
    const endpoints = this.#journal.endpointsOf(network).flatMap((endpoint) => endpoint.addresses)
    const segments = this.#journal.bindings.get(network)?.network.segments ?? []
    const gateways = segments.flatMap(({ subnets }) =>
      subnets.flatMap((subnet) => subnet.gateway ?? []),
    )
    return [...endpoints, ...gateways].some((address) => ipOf(address) === miss.ip)
  }

  #isPeer(network: DockerNetworkId, miss: Miss): boolean {
    const key = this.#journal.bindings.get(network)?.network.key ?? ''
    return this.#peers.has(key, miss.dev, miss.ip)
  }
}
