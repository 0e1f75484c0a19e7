/**
 * What the backend says of all peers of one network, kept from pass to pass, so that a pass costs
 * what has changed and not what there is. The same as if it were made anew for each pass
 * (test/control/peers/peers.test.ts).
 */
import type { Ip } from '../../core/ip.js'
import type { EntrySet, FdbPlan, NeighbourPlan } from '../../core/plan.js'
import type { Reach } from '../../core/ports.js'
import type { Endpoint, HostId, Network } from '../../core/types.js'
import { Claims } from './claims.js'

export class PeerBook {
  readonly #network: Network
  readonly #reach: Reach
  readonly #vteps = new Map<HostId, Ip | undefined>()
  readonly #neighbours: Claims<NeighbourPlan>
  readonly #fdb: Claims<FdbPlan>

  /** @param reach of the network's backend */
  constructor(network: Network, reach: Reach) {
    this.#network = network
    this.#reach = reach
    this.#neighbours = new Claims({
      entriesOf: (endpoint) =>
        this.#vteps.get(endpoint.host) === undefined ? [] : reach.neighbours(network, endpoint),
      keyOf: ({ ip }) => ip,
      scopeOf: () => '',
    })
    // A MAC counts within its segment only: there may be the same one in another.
    this.#fdb = new Claims({
      entriesOf: (endpoint) => {
        const vtep = this.#vteps.get(endpoint.host)
        return vtep === undefined ? [] : reach.fdb(network, endpoint, vtep)
      },
      keyOf: ({ mac }) => mac,
      scopeOf: (dev) => dev,
    })
  }

  get neighbours(): EntrySet<NeighbourPlan> {
    return this.#neighbours
  }

  get fdb(): EntrySet<FdbPlan> {
    return this.#fdb
  }

  /** Hosts whose VTEP was asked for. */
  knows(host: HostId): boolean {
    return this.#vteps.has(host)
  }

  /** The VTEP by which endpoints of the host are reached; undefined: they are not. */
  vtepOf(host: HostId): Ip | undefined {
    return this.#vteps.get(host)
  }

  /** Hosts by which endpoints are, or were, reached. */
  hosts(): readonly HostId[] {
    return [...this.#vteps].flatMap(([host, vtep]) => (vtep === undefined ? [] : [host]))
  }

  /** None of the host's endpoints may be in. */
  setVtep(host: HostId, vtep: Ip | undefined): void {
    this.#vteps.set(host, vtep)
  }

  add(endpoint: Endpoint): void {
    this.#neighbours.add(endpoint)
    this.#fdb.add(endpoint)
  }

  remove(endpoint: Endpoint): void {
    this.#neighbours.remove(endpoint)
    this.#fdb.remove(endpoint)
  }

  /** @param vtep of this host */
  setLocal(endpoints: readonly Endpoint[], vtep: Ip): void {
    const [network, reach] = [this.#network, this.#reach]
    this.#neighbours.setHere(endpoints.flatMap((each) => reach.neighbours(network, each)))
    this.#fdb.setHere(endpoints.flatMap((each) => reach.fdb(network, each, vtep)))
  }
}
