/** Endpoints that come, leave and move, and floating addresses that go with announcements. */
import type { Endpoint, HostId } from '../../core/types.js'
import type { Happening } from './changes.js'
import type { KnownNames } from './known-names.js'

/** Who comes within this time elsewhere, by the same name, has moved (ms). */
const MOVE_MS = 10_000
const SHORT = 12

interface Leaver {
  readonly host: HostId
  readonly at: number
}

export class EndpointChanges {
  readonly #names: KnownNames
  readonly #now: () => number
  readonly #left = new Map<string, Leaver>()
  /** network and floating address → who has it, or had it last */
  readonly #holders = new Map<string, string>()

  /** @param now milliseconds, never going back */
  constructor(names: KnownNames, now: () => number) {
    this.#names = names
    this.#now = now
  }

  /** Takes note of who has which floating address before anything happens. */
  note({ network, host, floating = [] }: Endpoint): void {
    for (const { ip } of floating) this.#holders.set(`${network}/${ip}`, this.#names.host(host))
  }

  tell(former: Endpoint | undefined, present: Endpoint | undefined): readonly Happening[] {
    if (present !== undefined) {
      return [...this.#arrival(former, present), ...this.#floats(former, present)]
    }
    if (former === undefined) return []
    this.#forget()
    const name = nameOf(former)
    if (name !== undefined)
      this.#left.set(`${former.network}/${name}`, { host: former.host, at: this.#now() })
    return [{ ...this.#about(former), what: 'left', note: '' }]
  }

  /** Names are known a moment after the endpoint: then it is seen that it is an old acquaintance. */
  #arrival(former: Endpoint | undefined, present: Endpoint): readonly Happening[] {
    const origin = nameOf(former) === undefined ? this.#originOf(present) : undefined
    if (origin !== undefined && origin !== present.host)
      return [{ ...this.#about(present), what: 'moved', note: `from ${this.#names.host(origin)}` }]
    if (former === undefined) return [{ ...this.#about(present), what: 'came', note: '' }]
    const [before, after] = [former, present].map(({ addresses }) => addresses.join(' '))
    if (before === after) return []
    return [{ ...this.#about(present), what: 'changed', note: `${before} → ${after}` }]
  }

  #originOf(present: Endpoint): HostId | undefined {
    const key = `${present.network}/${nameOf(present)}`
    const leaver = this.#left.get(key)
    this.#left.delete(key)
    return leaver !== undefined && this.#now() - leaver.at < MOVE_MS ? leaver.host : undefined
  }

  #floats(former: Endpoint | undefined, present: Endpoint): readonly Happening[] {
    const had = new Set(former?.floating?.map(({ ip }) => ip))
    const { network, host, floating = [] } = present
    return floating
      .filter(({ ip }) => !had.has(ip))
      .map(({ ip }) => {
        const holder = this.#holders.get(`${network}/${ip}`)
        this.#holders.set(`${network}/${ip}`, this.#names.host(host))
        const { name, ...where } = this.#about(present)
        const note = `to ${name}${holder === undefined ? '' : `, was on ${holder}`}`
        return { ...where, kind: 'address', what: 'moved', name: ip, id: ip, note } as const
      })
  }

  #about(endpoint: Endpoint) {
    return {
      kind: 'endpoint',
      name: nameOf(endpoint) ?? endpoint.id.slice(0, SHORT),
      id: endpoint.id,
      host: this.#names.host(endpoint.host),
      network: this.#names.network(endpoint.network),
      addresses: endpoint.addresses,
    } as const
  }

  #forget(): void {
    for (const [key, { at }] of this.#left) if (this.#now() - at >= MOVE_MS) this.#left.delete(key)
  }
}

/** The container's own, if it is known. */
function nameOf(endpoint: Endpoint | undefined): string | undefined {
  return endpoint?.names?.[0]
}
