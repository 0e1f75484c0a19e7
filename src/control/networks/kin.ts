/**
 * Which network of the cluster a CreateNetwork without a name means, if one that is there already:
 * the one that network sync says; and where only one of two hosts has network sync, that of the same
 * subnets.
 */
import type { PoolData } from '../../core/driver.js'
import { TsoverlayError } from '../../core/errors.js'
import { networkOf } from '../../core/ip.js'
import { RENDEZVOUS_OPTION } from '../../core/options.js'
import { isFresh } from '../../core/spaces.js'
import type { Network, NetworkKey } from '../../core/types.js'
import type { Publication } from '../../state/documents.js'
import type { Journal } from '../../state/journal.js'
import type { NetworkRepository } from '../../state/network-repository.js'
import type { Publications } from '../../state/publications.js'
import { keyOf, poolsIdentity } from './spec.js'

export interface NetworkKinParts {
  readonly repository: NetworkRepository
  readonly publications: Publications
  readonly journal: Journal
}

export class NetworkKin {
  readonly #parts: NetworkKinParts

  constructor(parts: NetworkKinParts) {
    this.#parts = parts
  }

  /**
   * The network that network sync creates here.
   * @throws TsoverlayError NETWORK_UNKNOWN when it was removed meanwhile
   */
  async synced(key: NetworkKey, signal: AbortSignal): Promise<Network> {
    const network = await this.#parts.repository.findReadable(key, signal)
    if (network === undefined) throw removedError(key)
    return network
  }

  /**
   * What the cluster knows it by; to be asked when this host has attached itself, as from then on
   * no other host can take the record away.
   * @throws TsoverlayError NETWORK_UNKNOWN
   */
  async published(key: NetworkKey, signal: AbortSignal): Promise<Publication> {
    const publication = await this.#parts.publications.get(key, signal)
    if (publication === undefined || publication.removal !== undefined) throw removedError(key)
    return publication
  }

  /** A network that a host without network sync has made, whose name nobody knows. */
  async unpublished(pools: readonly PoolData[], signal: AbortSignal): Promise<Network | undefined> {
    const { repository, publications, journal } = this.#parts
    const key = keyOf(poolsIdentity(pools))
    if (journal.bindingOf(key) !== undefined) return undefined
    const network = await repository.find(key, signal)
    if (network === undefined) return undefined
    return (await publications.get(key, signal)) === undefined ? network : undefined
  }

  /**
   * For a host without network sync: the network of these subnets that hosts with it have.
   * @throws TsoverlayError NETWORK_CONFLICT when there are several
   */
  async ofSubnets(pools: readonly PoolData[], signal: AbortSignal): Promise<Network | undefined> {
    const { repository, journal } = this.#parts
    const wanted = poolsIdentity(pools)
    if ((await repository.find(keyOf(wanted), signal)) !== undefined) return undefined
    const found = (await repository.all(signal)).filter(
      ({ key, space, segments }) =>
        isFresh(space) &&
        journal.bindingOf(key) === undefined &&
        subnetsOf(segments) === subnetsOf([{ subnets: pools }]),
    )
    if (found.length < 2) return found[0]
    const names = await this.#names(found, signal)
    throw new TsoverlayError(
      'NETWORK_CONFLICT',
      `the cluster has ${found.length} networks of these subnets (${names}), and without network sync this host cannot tell which one you mean: set NETWORK_SYNC=on, or give one of them -o ${RENDEZVOUS_OPTION}=NAME on all hosts`,
    )
  }

  async #names(networks: readonly Network[], signal: AbortSignal): Promise<string> {
    const found = networks.map(async ({ key, identity }) => {
      const publication = await this.#parts.publications.get(key, signal)
      return publication?.name ?? identity
    })
    return (await Promise.all(found)).sort().join(', ')
  }
}

function subnetsOf(
  segments: readonly { readonly subnets: readonly Pick<PoolData, 'pool'>[] }[],
): string {
  const pools = segments.flatMap(({ subnets }) => subnets.map(({ pool }) => networkOf(pool)))
  return pools.sort().join()
}

function removedError(key: NetworkKey): TsoverlayError {
  return new TsoverlayError(
    'NETWORK_UNKNOWN',
    `the network ${key} was removed from the cluster while network sync created it here`,
  )
}
