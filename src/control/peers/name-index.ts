/**
 * The endpoints of one network by name, and by address: pure. By address only from the first such
 * question on: hardly anybody asks, and there may be 100,000.
 */
import { type Ip, ipOf } from '../../core/ip.js'
import type { Endpoint } from '../../core/types.js'
import { EndpointIndex } from './endpoint-index.js'

const NO_NAMES: readonly string[] = []
const namesOf = ({ names }: Endpoint): readonly string[] => names ?? NO_NAMES
const ipsOf = ({ addresses }: Endpoint): readonly string[] => addresses.map(ipOf)

export class NameIndex {
  readonly #byName: EndpointIndex
  #byIp: EndpointIndex | undefined
  readonly #all: () => Iterable<Endpoint>

  /** @param all the endpoints; from then on `add` and `remove` follow them */
  constructor(all: () => Iterable<Endpoint>) {
    this.#all = all
    this.#byName = new EndpointIndex(all(), namesOf)
  }

  add(endpoint: Endpoint): void {
    this.#byName.add(endpoint)
    this.#byIp?.add(endpoint)
  }

  /** Of that very object; one that is not in is left alone. */
  remove(endpoint: Endpoint): void {
    this.#byName.remove(endpoint)
    this.#byIp?.remove(endpoint)
  }

  /** @param name lower case */
  named(name: string): readonly Endpoint[] {
    return this.#byName.with(name)
  }

  withAddress(ip: Ip): readonly Endpoint[] {
    this.#byIp ??= new EndpointIndex(this.#all(), ipsOf)
    return this.#byIp.with(ip)
  }
}
