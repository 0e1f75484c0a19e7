/** The life of this host's endpoints: created, joined, left, deleted. */

import { DEFAULT_BACKEND, resolveBackend } from '../../backends/index.js'
import { untilAborted, within, withLimit } from '../../core/deadline.js'
import type {
  CreatedEndpoint,
  CreateEndpointRequest,
  JoinedEndpoint,
  Options,
} from '../../core/driver.js'
import { hasCode, messageOf, TsoverlayError } from '../../core/errors.js'
import { type Cidr, contains, ipOf } from '../../core/ip.js'
import type { Mac } from '../../core/mac.js'
import { hostLinkName } from '../../core/names.js'
import { poolsOf } from '../../core/pools.js'
import type { Logger, Store } from '../../core/ports.js'
import type { DockerNetworkId, EndpointId, LocalEndpoint, Network } from '../../core/types.js'
import type { Binding } from '../../state/documents.js'
import type { Identity } from '../../state/identity.js'
import type { Journal } from '../../state/journal.js'
import type { Outbox } from '../../state/outbox.js'
import type { Names } from '../names/names.js'
import type { Reconciler } from '../passes/reconciler.js'
import { vitalFailure } from '../passes/vital.js'
import type { Peers } from '../peers/peers.js'
import type { OwnRanges } from '../ranges/own-ranges.js'
import { chores } from '../records/chores.js'
import type { ForeignAddresses } from '../records/foreign-addresses.js'
import type { NetworkSync } from '../sync/network-sync.js'
import type { UnderlaySource } from '../underlay/underlay-source.js'
import { bindingOf } from './bindings.js'
import { defaultMac } from './default-mac.js'
import type { Departures } from './departures.js'
import type { MacClaims } from './mac-claims.js'
import { portsInfo, withoutPorts } from './publishing.js'
import { refuseUnreached } from './reachability.js'

/** How long a start waits for the store before it goes on without (the record is owed then). */
const PUBLISH_WAIT_MS = 1_500
/** How long a first Join waits for the list of peers. */
const SYNC_WAIT_MS = 2_000
/** How long a Join waits for the underlay's address, which at boot may come after dockerd. */
const UNDERLAY_WAIT_MS = 6_000

export interface EndpointParts {
  readonly journal: Journal
  readonly outbox: Outbox
  readonly peers: Peers
  readonly reconciler: Reconciler
  readonly departures: Departures
  readonly foreign: ForeignAddresses
  readonly macs: MacClaims
  readonly underlay: Pick<UnderlaySource, 'arrived' | 'known'>
  readonly store: Pick<Store, 'keys'>
  readonly ranges: Pick<OwnRanges, 'refuseStart'>
  /** absent: network sync is off */
  readonly sync?: Pick<NetworkSync, 'gatewayReady'> | undefined
  /** told when a container joins or leaves */
  readonly names?: Pick<Names, 'look'>
  readonly identity: Identity
  readonly logger: Logger
}

export class Endpoints {
  readonly #parts: EndpointParts

  constructor(parts: EndpointParts) {
    this.#parts = parts
  }

  /** Records the endpoint and publishes it, so that peers are ready while the container starts. */
  async create(request: CreateEndpointRequest, signal: AbortSignal): Promise<CreatedEndpoint> {
    const { journal, outbox, peers, foreign, identity, macs, logger } = this.#parts
    const binding = bindingOf(this.#parts.journal, request.network)
    const [first] = checkAddresses(request, binding.network)
    const mac = request.mac ?? defaultMac(first)
    const known = journal.endpoints.get(request.id)
    if (known !== undefined) {
      const created = again(known, request, mac)
      // Another record: sweeps/docker-sweep.ts sees that dockerd is making it.
      journal.endpoints.put({ ...known })
      return created
    }
    this.#refuseTwin(request)
    const endpoint: LocalEndpoint = {
      id: request.id,
      network: binding.network.key,
      dockerNetwork: request.network,
      host: identity.id,
      boot: identity.boot,
      mac,
      addresses: request.addresses,
      joined: false,
    }
    await refuseUnreached(binding.network, { ...this.#parts, self: identity.id }, signal)
    macs.refuseHere(binding.network, endpoint)
    await foreign.claim(binding, request.addresses, signal)
    journal.endpoints.put(endpoint)
    peers.open(binding.network.key)
    const published = outbox.submit(
      chores.publishNewEndpoint({ id: request.id, network: binding.network.key }),
    )
    const isPublished = await within(published, PUBLISH_WAIT_MS)
    if (!isPublished) {
      logger.warn(
        fieldsOf(request.network, request.id),
        'endpoint not in the store yet, peers learn of it later',
      )
    }
    if (request.mac === undefined) return { mac }
    if (isPublished) await this.#claimMac(binding.network, endpoint, published, signal)
    else macs.lookLater(binding.network, endpoint, published)
    return {}
  }

  /** @throws TsoverlayError MAC_TAKEN, with nothing of the endpoint left */
  async #claimMac(
    network: Network,
    endpoint: LocalEndpoint,
    published: Promise<unknown>,
    signal: AbortSignal,
  ): Promise<void> {
    const { macs } = this.#parts
    try {
      await macs.refuseElsewhere(network, endpoint, signal)
    } catch (error) {
      if (!hasCode(error, 'MAC_TAKEN')) return macs.lookLater(network, endpoint, published)
      await this.delete(endpoint.dockerNetwork, endpoint.id)
      throw error
    }
  }

  /** Builds the sandbox, if this is its first endpoint, and the veth that dockerd then moves. */
  async join(
    network: DockerNetworkId,
    id: EndpointId,
    signal: AbortSignal,
    sandboxKey?: string,
  ): Promise<JoinedEndpoint> {
    const { journal, peers, sync } = this.#parts
    const binding = bindingOf(this.#parts.journal, network)
    this.#endpoint(network, id)
    await this.#parts.ranges.refuseStart(binding, sandboxKey)
    peers.open(binding.network.key)
    const gateway = needsGatewayBridge(binding.network) ? sync?.gatewayReady() : undefined
    await Promise.all([this.#awaitPeers(binding, signal), this.#awaitUnderlay(signal), gateway])
    // Read after the waiting: it may have been deleted meanwhile.
    const endpoint = this.#endpoint(network, id)
    journal.endpoints.put({
      ...endpoint,
      joined: true,
      ...(sandboxKey === undefined ? {} : { sandboxKey }),
    })
    this.#parts.names?.look()
    try {
      await untilAborted(this.#attach(network, id), signal, 'the kernel')
    } catch (error) {
      this.leave(network, id)
      // Nothing of it stays, not even for a moment.
      this.#parts.reconciler.mark(network)
      throw error
    }
    return {
      sourceName: hostLinkName(id),
      namePrefix: 'eth',
      ...this.#parts.reconciler.attachment(binding, endpoint),
    }
  }

  /** Has the veth taken down, and the sandbox after its last. Does not wait for it. */
  leave(network: DockerNetworkId, id: EndpointId): void {
    const { journal, departures, names } = this.#parts
    const endpoint = journal.endpoints.get(id)
    if (endpoint?.joined === true)
      journal.endpoints.put({ ...withoutPorts(endpoint), joined: false })
    names?.look()
    departures.note(network)
  }

  /** Forgets the endpoint everywhere; never fails. */
  async delete(network: DockerNetworkId, id: EndpointId): Promise<void> {
    const { journal, outbox, peers, departures, foreign } = this.#parts
    const endpoint = journal.endpoints.get(id)
    if (endpoint === undefined) {
      if (this.#twinOf(network, id) === undefined)
        await departures.takeDown(network, hostLinkName(id))
      return
    }
    journal.endpoints.delete(id)
    this.#parts.names?.look()
    this.#parts.macs.forget(id)
    departures.note(network, hostLinkName(id))
    void outbox.submit(chores.publishEndpoint(endpoint))
    foreign.release(journal.bindings.get(network), endpoint.addresses)
    if (journal.endpointsOf(network).length === 0) peers.close(endpoint.network)
  }

  /** Deletes one that dockerd has forgotten: nobody will give its addresses back. */
  async discard(network: DockerNetworkId, id: EndpointId): Promise<void> {
    const { journal, foreign } = this.#parts
    const endpoint = journal.endpoints.get(id)
    const binding = journal.bindings.get(network)
    await this.delete(network, id)
    if (endpoint !== undefined) foreign.giveBack(binding, endpoint.addresses)
  }

  /** Values that `docker inspect` cannot show, for people. */
  info(network: DockerNetworkId, id: EndpointId): Options {
    const endpoint = this.#parts.journal.endpoints.get(id)
    if (endpoint === undefined || endpoint.dockerNetwork !== network) return {}
    const { network: key, mac } = endpoint
    return { 'tsoverlay.network': key, 'tsoverlay.mac': mac, ...portsInfo(endpoint) }
  }

  /** Another endpoint whose links would have the same names (core/names.ts). */
  #twinOf(network: DockerNetworkId, id: EndpointId): LocalEndpoint | undefined {
    const port = this.#portOf(network, id)
    for (const other of this.#parts.journal.endpoints.values()) {
      if (other.id === id) continue
      if (hostLinkName(other.id) === hostLinkName(id)) return other
      if (this.#portOf(other.dockerNetwork, other.id) === port) return other
    }
    return undefined
  }

  /** The link that is its port, with the place in which it is. */
  #portOf(network: DockerNetworkId, id: EndpointId): string {
    const binding = this.#parts.journal.bindings.get(network)
    const { home, portOf } = resolveBackend(binding?.network.backend ?? DEFAULT_BACKEND)
    return `${home(network)} ${portOf(id)}`
  }

  #refuseTwin({ network, id }: CreateEndpointRequest): void {
    const twin = this.#twinOf(network, id)
    if (twin === undefined) return
    throw new TsoverlayError(
      'ENDPOINT_CONFLICT',
      `endpoint ${id} begins as ${twin.id.slice(0, 12)}, and their links would have one name: start the container once more, for another id`,
    )
  }

  async #attach(network: DockerNetworkId, id: EndpointId): Promise<void> {
    const { journal, reconciler } = this.#parts
    const result = await reconciler.run(network)
    const backend = journal.bindings.get(network)?.network.backend ?? DEFAULT_BACKEND
    const port = resolveBackend(backend).portOf(id)
    const failure = vitalFailure(result, reconciler.partOf(network), port)
    if (failure !== undefined) throw failure.error
  }

  async #awaitPeers(binding: Binding, signal: AbortSignal): Promise<void> {
    const { peers } = this.#parts
    try {
      await withLimit(SYNC_WAIT_MS, signal, (limit) => peers.synced(binding.network.key, limit))
    } catch (error) {
      if (signal.aborted) throw error
      const fields = { network: binding.dockerNetwork.slice(0, 12), err: messageOf(error) }
      this.#parts.logger.warn(fields, 'joining without the list of peers, they follow later')
    }
  }

  /** Without it the sandbox cannot be made, and dockerd would not try again. */
  #awaitUnderlay(signal: AbortSignal): Promise<void> {
    return withLimit(UNDERLAY_WAIT_MS, signal, (limit) => this.#parts.underlay.arrived(limit))
  }

  #endpoint(network: DockerNetworkId, id: EndpointId): LocalEndpoint {
    const endpoint = this.#parts.journal.endpoints.get(id)
    if (endpoint !== undefined && endpoint.dockerNetwork === network) return endpoint
    throw new TsoverlayError(
      'ENDPOINT_UNKNOWN',
      `endpoint ${id} is not known in network ${network.slice(0, 12)}: start the container again`,
    )
  }
}

function needsGatewayBridge(network: Network): boolean {
  const { hasGateway } = resolveBackend(network.backend)
  return !network.internal && hasGateway?.(network) !== true
}

function fieldsOf(
  network: DockerNetworkId,
  endpoint: EndpointId,
): { network: string; endpoint: string } {
  return { network: network.slice(0, 12), endpoint: endpoint.slice(0, 12) }
}

/** @returns the addresses, of which there is one at least */
function checkAddresses(
  request: CreateEndpointRequest,
  network: Network,
): readonly [Cidr, ...Cidr[]] {
  const [first, ...rest] = request.addresses
  if (first === undefined) {
    throw new TsoverlayError(
      'ADDRESS_INVALID',
      `endpoint ${request.id.slice(0, 12)} has no address: the network needs an IPAM driver that gives one`,
    )
  }
  const pools = poolsOf(network)
  for (const address of request.addresses) {
    if (pools.some((pool) => contains(pool, ipOf(address)))) continue
    throw new TsoverlayError(
      'ADDRESS_INVALID',
      `address ${address} is in no subnet of the network: allowed are addresses in ${pools.join(', ')}`,
    )
  }
  return [first, ...rest]
}

/** The same create again is success; another one of the same id is not. */
function again(known: LocalEndpoint, request: CreateEndpointRequest, mac: Mac): CreatedEndpoint {
  if (known.mac !== mac || known.addresses.join() !== request.addresses.join()) {
    throw new TsoverlayError(
      'ENDPOINT_CONFLICT',
      `endpoint ${request.id} exists with ${known.addresses.join(', ')} and ${known.mac}`,
    )
  }
  return request.mac === undefined ? { mac } : {}
}
