/**
 * Names of what is no container: given by people, in the store, known in all networks on all hosts. No
 * host owns one, so nobody puts it back after the store has lost it.
 */
import { TsoverlayError } from '../../core/errors.js'
import { type Ip, parseIp } from '../../core/ip.js'
import type { Logger, Store } from '../../core/ports.js'
import { documents, type StaticName } from '../../state/documents.js'
import { keys } from '../../state/keys.js'
import { Mirror } from '../../state/mirror.js'

const NAME = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*$/
/** RFC 1035 2.3.4 */
const LONGEST = 253
/** What an answer over TCP has room for many times over. */
const MOST_ADDRESSES = 256

export class StaticNames {
  readonly #store: Store
  readonly #mirror: Mirror<StaticName>
  /** address → names; absent: to be made at the next question */
  #byIp: ReadonlyMap<Ip, readonly string[]> | undefined

  constructor({ store, logger }: { readonly store: Store; readonly logger: Logger }) {
    this.#store = store
    this.#mirror = new Mirror({
      store,
      prefix: keys.staticNames,
      decode: (_key, value) => documents.staticName.decode(value),
      logger,
    })
    this.#mirror.onChange(() => {
      this.#byIp = undefined
    })
  }

  /** Follows the store; it does not have to be there yet. */
  start(): void {
    this.#mirror.start()
  }

  async close(): Promise<void> {
    await this.#mirror.close()
  }

  /** @param name lower case; @returns none if nobody has given it */
  addressesOf(name: string): readonly Ip[] {
    return this.#mirror.get(keys.staticName(name))?.addresses ?? []
  }

  namesOf(ip: Ip): readonly string[] {
    this.#byIp ??= byAddress(this.all())
    return this.#byIp.get(ip) ?? []
  }

  *all(): Generator<StaticName> {
    for (const [, name] of this.#mirror.entries()) yield name
  }

  /**
   * Gives a name these addresses, in place of those that it had.
   * @throws TsoverlayError NAME_INVALID, ADDRESS_INVALID, STORE_UNAVAILABLE
   */
  async put(name: string, addresses: readonly string[]): Promise<StaticName> {
    const document = { name: checkName(name), addresses: checkAddresses(addresses) }
    const key = keys.staticName(document.name)
    await this.#store.txn([], [{ put: key, value: documents.staticName.encode(document) }])
    return document
  }

  /** @throws TsoverlayError NAME_UNKNOWN, NAME_INVALID, STORE_UNAVAILABLE */
  async remove(name: string): Promise<void> {
    const key = keys.staticName(checkName(name))
    const { done } = await this.#store.txn([{ key, is: 'present' }], [{ delete: key }])
    if (done) return
    throw new TsoverlayError(
      'NAME_UNKNOWN',
      `nobody has added the name "${name}": those that somebody has are in tsoverlay dns ls with the source "dns add"`,
    )
  }
}

function checkName(text: string): string {
  const name = text.toLowerCase()
  if (name.length <= LONGEST && NAME.test(name) && parseIp(name) === undefined) return name
  throw new TsoverlayError(
    'NAME_INVALID',
    `name "${text}" is not valid: allowed are letters, digits, "-" and "_", in parts of 1 to 63 characters that do not begin or end with "-", with dots between them, ${LONGEST} characters in all`,
  )
}

function checkAddresses(texts: readonly string[]): readonly Ip[] {
  const addresses = texts.map((text) => {
    const ip = parseIp(text)
    if (ip !== undefined) return ip
    throw new TsoverlayError(
      'ADDRESS_INVALID',
      `address "${text}" is not valid: allowed are IPv4 and IPv6 addresses, such as 192.0.2.10 or 2001:db8::10, without a prefix length`,
    )
  })
  if (addresses.length > 0 && addresses.length <= MOST_ADDRESSES) return [...new Set(addresses)]
  throw new TsoverlayError(
    'ADDRESS_INVALID',
    `a name has ${addresses.length} addresses: allowed are 1 to ${MOST_ADDRESSES}`,
  )
}

function byAddress(all: Iterable<StaticName>): Map<Ip, string[]> {
  const map = new Map<Ip, string[]>()
  for (const { name, addresses } of all)
    for (const ip of addresses) map.set(ip, [...(map.get(ip) ?? []), name])
  return map
}
