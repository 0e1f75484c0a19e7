/**
 * Networks that a user has removed on some host while containers, in whatever state, are on them: which
 * of them this host has containers of, and whether these are older than the removal. Docker does not
 * say what was made first where clocks differ, so what is there at the first look is older.
 */
import type { NetworkKey } from '../../core/types.js'
import type { Publication } from '../../state/documents.js'
import type { DockerContainer, DockerNetwork } from '../dockerd/docker-networks.js'

/** Who removes the last container to make another (`docker rm`, then `docker run`) is in between. */
const REST_MS = 3_000

/** `going`: it was in use until a moment ago */
export type Use = 'none' | 'going' | 'old' | 'anew'

interface Wish {
  readonly at: string
  /** containers that come now are made after the removal */
  isOver: boolean
  usedAt: number | undefined
}

export class Wishes {
  readonly #now: () => number
  readonly #known = new Map<NetworkKey, Wish>()

  /** @param now milliseconds, never going back */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  /** How this host uses a network that is to go. */
  look(
    publication: Publication,
    docker: DockerNetwork,
    containers: readonly DockerContainer[],
  ): Use {
    const { at = '' } = publication.removal ?? publication.unwanted ?? {}
    const used = containers.some((container) => isOn(container, docker))
    const before = this.#known.get(publication.key)
    const wish = before?.at === at ? before : { at, isOver: !used, usedAt: undefined }
    this.#known.set(publication.key, wish)
    if (used) {
      wish.usedAt = this.#now()
      return wish.isOver ? 'anew' : 'old'
    }
    if (wish.usedAt !== undefined && this.#now() - wish.usedAt < REST_MS) return 'going'
    return 'none'
  }

  /** The last container that is older than the removal is gone. */
  end(key: NetworkKey): void {
    const wish = this.#known.get(key)
    if (wish !== undefined) wish.isOver = true
  }

  /** Forgets those of other networks. */
  keep(keys: ReadonlySet<NetworkKey>): void {
    for (const key of this.#known.keys()) if (!keys.has(key)) this.#known.delete(key)
  }
}

/** One that ran has the network's id, and does not start on another of the same name. */
function isOn({ networks }: DockerContainer, docker: DockerNetwork): boolean {
  return networks.some(({ name, id }) =>
    id === '' ? name === docker.name || docker.id.startsWith(name) : id === docker.id,
  )
}
