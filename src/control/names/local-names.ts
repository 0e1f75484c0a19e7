/** This host's own containers by network and name: made anew when the journal has changed. */
import type { DockerNetworkId, LocalEndpoint } from '../../core/types.js'
import type { Journal } from '../../state/journal.js'
import { NameIndex } from '../peers/name-index.js'

const NOBODY = new NameIndex(() => [])

export class LocalNames {
  readonly #journal: Journal
  #version = -1
  #indexes: ReadonlyMap<DockerNetworkId, NameIndex> = new Map()

  constructor(journal: Journal) {
    this.#journal = journal
  }

  /** Of the containers that run. */
  of(network: DockerNetworkId): NameIndex {
    const { endpoints } = this.#journal
    if (endpoints.version !== this.#version) {
      this.#version = endpoints.version
      this.#indexes = indexesOf(endpoints.values())
    }
    return this.#indexes.get(network) ?? NOBODY
  }
}

function indexesOf(endpoints: Iterable<LocalEndpoint>): Map<DockerNetworkId, NameIndex> {
  const byNetwork = new Map<DockerNetworkId, LocalEndpoint[]>()
  for (const endpoint of endpoints) {
    if (!endpoint.joined) continue
    const list = byNetwork.get(endpoint.dockerNetwork)
    if (list === undefined) byNetwork.set(endpoint.dockerNetwork, [endpoint])
    else list.push(endpoint)
  }
  const made = [...byNetwork].map(
    ([network, list]) => [network, new NameIndex(() => list)] as const,
  )
  return new Map(made)
}
