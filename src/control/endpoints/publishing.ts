/**
 * Ports of this host that lead to containers, where a network is their way out itself and no
 * docker_gwbridge does it. dockerd asks for them after Join, of the endpoint that is the container's
 * gateway; what stands in the journal is what the next pass makes of it.
 */
import { untilAborted } from '../../core/deadline.js'
import type { PortWish } from '../../core/driver.js'
import { messageOf, TsoverlayError } from '../../core/errors.js'
import type { ApplyResult, Logger } from '../../core/ports.js'
import { type PublishedPort, portText } from '../../core/published-port.js'
import type { DockerNetworkId, EndpointId, LocalEndpoint } from '../../core/types.js'
import type { Journal } from '../../state/journal.js'
import type { Reconciler } from '../passes/reconciler.js'
import { bindingOf } from './bindings.js'
import type { HostPorts } from './host-ports.js'
import { PortChoice } from './port-choice.js'

export interface PublishingParts {
  readonly journal: Journal
  readonly reconciler: Pick<Reconciler, 'run' | 'settle' | 'mark' | 'attachment'>
  readonly hostPorts: HostPorts
  readonly logger: Logger
}

export class Publishing {
  readonly #parts: PublishingParts
  /** ends when nobody chooses */
  #choosing: Promise<unknown> = Promise.resolve()

  constructor(parts: PublishingParts) {
    this.#parts = parts
  }

  /**
   * Where docker_gwbridge is the way out, ports are its own and nothing is done.
   * @throws TsoverlayError PORT_TAKEN, OPTION_INVALID, ENDPOINT_UNKNOWN, NETWORK_UNKNOWN;
   * KERNEL_FAILED, with the ports as they were before
   */
  async publish(
    network: DockerNetworkId,
    id: EndpointId,
    wishes: readonly PortWish[],
    signal: AbortSignal,
  ): Promise<void> {
    if (wishes.length === 0) return this.unpublish(network, id)
    const before = this.#parts.journal.endpoints.get(id)?.published
    const ports = await this.#inTurn(() => this.#take(network, id, wishes, signal))
    if (ports === undefined) return
    try {
      const result = await untilAborted(
        this.#parts.reconciler.run(network),
        signal,
        'the rules of published ports',
      )
      refuseFailed(result, ports)
    } catch (error) {
      this.#put(network, id, before)
      this.#parts.reconciler.mark(network)
      throw error
    }
    // Neither docker port nor docker ps can show them.
    const fields = { network: network.slice(0, 12), endpoint: id.slice(0, 12) }
    this.#parts.logger.info({ ...fields, ports: ports.map(portText) }, 'ports published')
  }

  /** Never fails; the rules are gone when it ends, or as soon as the kernel lets them. */
  async unpublish(network: DockerNetworkId, id: EndpointId): Promise<void> {
    const { journal, reconciler } = this.#parts
    if (journal.endpoints.get(id)?.published === undefined) return
    if (this.#put(network, id, undefined)) await reconciler.settle(network)
  }

  /** One after the other, so that no two choose one port. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#choosing.then(work)
    this.#choosing = turn.catch(() => undefined)
    return turn
  }

  /** @returns what is in the journal now; undefined: ports are not ours to publish */
  async #take(
    network: DockerNetworkId,
    id: EndpointId,
    wishes: readonly PortWish[],
    signal: AbortSignal,
  ): Promise<readonly PublishedPort[] | undefined> {
    const { journal, reconciler, hostPorts } = this.#parts
    const binding = bindingOf(journal, network)
    const endpoint = journal.endpoints.get(id)
    if (endpoint?.dockerNetwork !== network || !endpoint.joined) throw notJoined(network, id)
    const { gateways = [] } = reconciler.attachment(binding, endpoint)
    if (gateways.length === 0) return undefined
    const choice = new PortChoice({ endpoint, endpoints: journal.endpoints.values(), hostPorts })
    const ports = await choice.of(wishes, signal)
    // It may have left meanwhile.
    if (!this.#put(network, id, ports)) throw notJoined(network, id)
    return ports
  }

  /** @returns false: the endpoint is not joined */
  #put(
    network: DockerNetworkId,
    id: EndpointId,
    published: readonly PublishedPort[] | undefined,
  ): boolean {
    const { endpoints } = this.#parts.journal
    const endpoint = endpoints.get(id)
    if (endpoint?.dockerNetwork !== network || !endpoint.joined) return false
    const rest = withoutPorts(endpoint)
    endpoints.put(published === undefined ? rest : { ...rest, published })
    return true
  }
}

/** The same without its published ports. */
export function withoutPorts(endpoint: LocalEndpoint): LocalEndpoint {
  const { published: _, ...rest } = endpoint
  return rest
}

/** For people; nothing where there are none. */
export function portsInfo({ published = [] }: LocalEndpoint): Readonly<Record<string, string>> {
  return published.length === 0 ? {} : { 'tsoverlay.ports': published.map(portText).join(', ') }
}

/** @throws TsoverlayError KERNEL_FAILED when packets to the ports would not get to the container */
function refuseFailed(
  { failures, unsupported }: ApplyResult,
  ports: readonly PublishedPort[],
): void {
  const failure = failures.find(({ item }) => item.in === 'rules' || item.in === 'place')
  if (failure === undefined && unsupported === undefined) return
  throw new TsoverlayError(
    'KERNEL_FAILED',
    `${ports.map(portText).join(', ')} not published: ${unsupported ?? messageOf(failure?.error)}`,
    failure?.error,
  )
}

function notJoined(network: DockerNetworkId, id: EndpointId): TsoverlayError {
  return new TsoverlayError(
    'ENDPOINT_UNKNOWN',
    `endpoint ${id} is in no container of network ${network.slice(0, 12)}: start the container again`,
  )
}
