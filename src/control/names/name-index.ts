/**
 * The endpoints of one network by name, and by address: pure. By address only from the first such
 * question on: hardly anybody asks, and there may be 100,000.
 */
import { type Ip, ipOf } from '../../core/ip.js'
import type { Endpoint } from '../../core/types.js'

/** Nearly always there is only one. */
type Holders = Endpoint | readonly Endpoint[]

export class NameIndex {
  readonly #byName = new Map<string, Holders>()
  #byIp: Map<Ip, Holders> | undefined
  readonly #all: () => Iterable<Endpoint>

  /** @param all the endpoints; from then on `add` and `remove` follow them */
  constructor(all: () => Iterable<Endpoint>) {
    this.#all = all
    for (const endpoint of all())
      for (const name of endpoint.names ?? []) put(this.#byName, name, endpoint)
  }

  add(endpoint: Endpoint): void {
    for (const name of endpoint.names ?? []) put(this.#byName, name, endpoint)
    if (this.#byIp === undefined) return
    for (const address of endpoint.addresses) put(this.#byIp, ipOf(address), endpoint)
  }

  /** Of that very object; one that is not in is left alone. */
  remove(endpoint: Endpoint): void {
    for (const name of endpoint.names ?? []) drop(this.#byName, name, endpoint)
    if (this.#byIp === undefined) return
    for (const address of endpoint.addresses) drop(this.#byIp, ipOf(address), endpoint)
  }

  /** @param name lower case */
  named(name: string): readonly Endpoint[] {
    return listOf(this.#byName.get(name))
  }

  withAddress(ip: Ip): readonly Endpoint[] {
    this.#byIp ??= byAddress(this.#all())
    return listOf(this.#byIp.get(ip))
  }
}

function byAddress(all: Iterable<Endpoint>): Map<Ip, Holders> {
  const map = new Map<Ip, Holders>()
  for (const endpoint of all)
    for (const address of endpoint.addresses) put(map, ipOf(address), endpoint)
  return map
}

function put<K>(map: Map<K, Holders>, key: K, endpoint: Endpoint): void {
  const holders = map.get(key)
  if (holders === undefined) map.set(key, endpoint)
  else if (!listOf(holders).includes(endpoint)) map.set(key, [...listOf(holders), endpoint])
}

function drop<K>(map: Map<K, Holders>, key: K, endpoint: Endpoint): void {
  const rest = listOf(map.get(key)).filter((each) => each !== endpoint)
  const [first, second] = rest
  if (first === undefined) map.delete(key)
  else map.set(key, second === undefined ? first : rest)
}

const NONE: readonly Endpoint[] = []

function listOf(holders: Holders | undefined): readonly Endpoint[] {
  if (holders === undefined) return NONE
  return isList(holders) ? holders : [holders]
}

function isList(holders: Holders): holders is readonly Endpoint[] {
  return Array.isArray(holders)
}
