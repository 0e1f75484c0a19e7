/**
 * MACs that users gave: within a layer 2 each has one container, as an address has. The endpoints'
 * records are the claims, so nothing else can get lost or left behind: a host publishes its record and
 * then looks at those of the others; an earlier one with the same MAC wins. As each host publishes
 * before it looks, of two that start at once one sees the other. Default MACs need no look: they are
 * made of the address, which is unique.
 */
import { resolveBackend } from '../../backends/index.js'
import { hasCode, TsoverlayError } from '../../core/errors.js'
import type { Ip } from '../../core/ip.js'
import type { Store } from '../../core/ports.js'
import type { Endpoint, EndpointId, LocalEndpoint, Network, Way } from '../../core/types.js'
import { documents } from '../../state/documents.js'
import type { Identity } from '../../state/identity.js'
import type { Journal } from '../../state/journal.js'
import { keys } from '../../state/keys.js'
import type { Problems } from '../troubles/problems.js'

const AGAIN_MS = 60_000

export interface MacClaimParts {
  readonly store: Store
  readonly journal: Journal
  readonly identity: Identity
  readonly problems: Pick<Problems, 'report'>
}

export class MacClaims {
  readonly #parts: MacClaimParts
  /** what was found after its container had started */
  readonly #found = new Map<EndpointId, string>()

  constructor(parts: MacClaimParts) {
    this.#parts = parts
  }

  /** @throws TsoverlayError MAC_TAKEN when a container of this host has the MAC */
  refuseHere(network: Network, endpoint: LocalEndpoint): void {
    const { journal, identity } = this.#parts
    for (const other of journal.endpointsOf(endpoint.dockerNetwork)) {
      if (other.id !== endpoint.id && isSamePlace(network, other, endpoint))
        throw takenError(endpoint, identity.name, other.id)
    }
  }

  /**
   * To be called when the endpoint's own record is in the store.
   * @throws TsoverlayError MAC_TAKEN when another host published it earlier; what the store answers
   */
  async refuseElsewhere(
    network: Network,
    endpoint: LocalEndpoint,
    signal?: AbortSignal,
  ): Promise<void> {
    const { store, identity } = this.#parts
    const { entries } = await store.list(keys.endpoints(network.key), signal)
    const mine = entries.find(({ key }) => key.endsWith(`/${identity.id}/${endpoint.id}`))
    for (const { value, revision } of entries) {
      const other = documents.endpoint.decode(value)
      if (other === undefined || other.host === identity.id) continue
      if (!isSamePlace(network, other, endpoint)) continue
      if (mine !== undefined && mine.revision < revision) continue
      throw takenError(endpoint, await this.#nameOf(other.host, signal), other.id)
    }
  }

  /**
   * The container has started, as the store was away: a clash is told.
   * @param published resolves when the endpoint's record is in the store
   */
  lookLater(network: Network, endpoint: LocalEndpoint, published: Promise<unknown>): void {
    void published.then(() => this.#look(network, endpoint)).catch(() => undefined)
  }

  /** Its container is gone. */
  forget(id: EndpointId): void {
    if (this.#found.delete(id)) this.#report()
  }

  async #look(network: Network, endpoint: LocalEndpoint): Promise<void> {
    const { id } = endpoint
    if (this.#parts.journal.endpoints.get(id) === undefined) return this.forget(id)
    const problem = await this.refuseElsewhere(network, endpoint).then(
      () => undefined,
      (error: unknown) => (hasCode(error, 'MAC_TAKEN') ? error.message : ''),
    )
    if (problem === undefined) return this.forget(id)
    if (problem !== '') this.#found.set(id, problem)
    this.#report()
    setTimeout(() => this.lookLater(network, endpoint, Promise.resolve()), AGAIN_MS).unref()
  }

  #report(): void {
    const texts = [...this.#found].map(
      ([id, text]) => [`endpoint ${id.slice(0, 12)}`, text] as const,
    )
    this.#parts.problems.report('macs', new Map(texts))
  }

  async #nameOf(id: string, signal?: AbortSignal): Promise<string> {
    const entry = await this.#parts.store.get(keys.host(id), signal)
    const host = entry && documents.host.decode(entry.value)
    return host === undefined ? id : `${host.name} (${id})`
  }
}

/** Whether both would have one entry: a MAC counts within its layer 2 only. */
function isSamePlace(network: Network, one: Endpoint, other: Endpoint): boolean {
  if (one.mac !== other.mac) return false
  const { fdb } = resolveBackend(network.backend).reach
  if (fdb === undefined) return false
  const devices = (endpoint: Endpoint): string =>
    fdb(network, endpoint, ANY_WAY)
      .map(({ dev }) => dev)
      .join()
  return devices(one) === devices(other)
}

/** Only the devices are looked at. */
const ANY_WAY: Way = { host: '', vtep: '192.0.2.1' as Ip }

function takenError({ mac }: LocalEndpoint, host: string, id: EndpointId): TsoverlayError {
  return new TsoverlayError(
    'MAC_TAKEN',
    `MAC ${mac} is held by a container on host ${host} (endpoint ${id.slice(0, 12)}): give another --mac-address, or none`,
  )
}
