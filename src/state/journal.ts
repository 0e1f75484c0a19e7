/**
 * What this host must remember by itself: dockerd never repeats CreateNetwork for a network that
 * it has stored (reference: moby daemon/libnetwork/controller.go New), and etcd may be away when
 * a container starts.
 */
import { join } from 'node:path'
import type { Logger } from '../core/ports.js'
import type { DockerNetworkId, LocalEndpoint, NetworkKey } from '../core/types.js'
import {
  type Binding,
  type BlockHold,
  type ChoreDocument,
  type Codec,
  documents,
  type PoolHold,
} from './documents.js'
import { Shelf } from './shelf.js'

export class Journal {
  readonly bindings: Shelf<Binding>
  readonly endpoints: Shelf<LocalEndpoint>
  readonly pools: Shelf<PoolHold>
  readonly blocks: Shelf<BlockHold>
  readonly chores: Shelf<ChoreDocument>

  constructor(dir: string, logger: Logger) {
    const shelf = <T>(name: string, codec: Codec<T>, idOf: (value: T) => string): Shelf<T> =>
      new Shelf<T>({ dir: join(dir, name), codec, idOf, logger })
    this.bindings = shelf('networks', documents.binding, (binding) => binding.dockerNetwork)
    this.endpoints = shelf('endpoints', documents.localEndpoint, (endpoint) => endpoint.id)
    this.pools = shelf('pools', documents.poolHold, (hold) => hold.id)
    this.blocks = shelf('blocks', documents.blockHold, blockId)
    this.chores = shelf('chores', documents.chore, (chore) => chore.id)
  }

  bindingOf(key: NetworkKey): Binding | undefined {
    for (const binding of this.bindings.values()) if (binding.network.key === key) return binding
    return undefined
  }

  endpointsOf(network: DockerNetworkId): readonly LocalEndpoint[] {
    const found: LocalEndpoint[] = []
    for (const endpoint of this.endpoints.values()) {
      if (endpoint.dockerNetwork === network) found.push(endpoint)
    }
    return found
  }
}

/** The id of a block in the journal. */
export function blockId(hold: Pick<BlockHold, 'space' | 'pool' | 'block'>): string {
  return `${hold.space}|${hold.pool}|${hold.block}`
}
