/** What hosts and networks are called, those included that have just gone. */
import type { Host, HostId, Network, NetworkKey } from '../../core/types.js'
import type { Publication } from '../../state/documents.js'

export class KnownNames {
  readonly #hosts = new Map<HostId, string>()
  readonly #networks = new Map<NetworkKey, { readonly identity?: string; readonly name?: string }>()

  noteHost({ id, name }: Host): void {
    this.#hosts.set(id, name)
  }

  noteNetwork({ key, identity }: Network): void {
    this.#networks.set(key, { ...this.#networks.get(key), identity })
  }

  notePublication({ key, name }: Publication): void {
    this.#networks.set(key, { ...this.#networks.get(key), name })
  }

  /** Else its id. */
  host(id: HostId): string {
    return this.#hosts.get(id) || id
  }

  /** Its name in docker, else what ties the hosts' networks together, else its key. */
  network(key: NetworkKey): string {
    const { identity, name } = this.#networks.get(key) ?? {}
    return name ?? identity ?? key
  }
}
