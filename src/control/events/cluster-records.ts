/** The records of the store that people watch, kept in memory while somebody does. */
import type { Store } from '../../core/ports.js'
import { documents } from '../../state/documents.js'
import { keys } from '../../state/keys.js'
import { Mirror } from '../../state/mirror.js'

export interface ClusterRecordsParts {
  readonly store: Store
  /** The connection to the store was interrupted and is there again. */
  readonly onBack: () => void
}

export class ClusterRecords {
  readonly hosts
  readonly alive
  readonly networks
  readonly publications
  readonly endpoints
  readonly troubles

  constructor({ store, onBack }: ClusterRecordsParts) {
    this.hosts = mirror(store, keys.hosts, documents.host.decode)
    this.alive = mirror(noticing(store, onBack), keys.allAlive, () => true)
    this.networks = mirror(store, keys.networks, documents.network.decode)
    this.publications = mirror(store, keys.publications, documents.publication.decode)
    this.endpoints = mirror(store, keys.allEndpoints, documents.endpoint.decode)
    this.troubles = mirror(store, keys.allTroubles, documents.troubles.decode)
  }

  /**
   * Returns when all have been read once.
   * @throws TsoverlayError DEADLINE_EXCEEDED when they are closed before
   */
  async start(): Promise<void> {
    for (const each of this.#all()) each.start()
    await Promise.all(this.#all().map((each) => each.synced()))
  }

  async close(): Promise<void> {
    await Promise.all(this.#all().map((each) => each.close()))
  }

  #all() {
    const { hosts, alive, networks, publications, endpoints, troubles } = this
    return [hosts, alive, networks, publications, endpoints, troubles]
  }
}

function mirror<T>(
  store: Pick<Store, 'watch' | 'list'>,
  prefix: string,
  decode: (text: string) => T | undefined,
): Mirror<T> {
  return new Mirror({ store, prefix, decode: (_key, value) => decode(value) })
}

/** A watch that begins anew was interrupted (core/ports.ts). */
function noticing(store: Store, onBack: () => void): Pick<Store, 'watch' | 'list'> {
  return {
    list: (prefix, signal) => store.list(prefix, signal),
    async *watch(prefix, signal) {
      let isFirst = true
      for await (const batch of store.watch(prefix, signal)) {
        if (batch.kind === 'snapshot' && !isFirst) onBack()
        isFirst &&= batch.kind !== 'snapshot'
        yield batch
      }
    },
  }
}
