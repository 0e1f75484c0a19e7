/**
 * Networks that a host cannot have as they should be, told to all hosts: whoever made a network sees
 * in `status` and `networks` where it is not well.
 */
import type { Logger, Store } from '../../core/ports.js'
import { documents, type TroublesDocument } from '../../state/documents.js'
import type { Identity } from '../../state/identity.js'
import { keys, lastPart } from '../../state/keys.js'
import { Mirror } from '../../state/mirror.js'
import { OwnDocument } from './own-document.js'
import type { Problems } from './problems.js'

/** What is named of a network that is not well on many hosts. */
const SHOWN = 3

export interface TroubleBoardParts {
  readonly store: Store
  readonly identity: Identity
  readonly problems: Problems
  readonly logger: Logger
}

export class TroubleBoard {
  readonly #parts: TroubleBoardParts
  readonly #document: OwnDocument
  readonly #mirror: Mirror<TroublesDocument>
  readonly #own = new Map<string, ReadonlyMap<string, string>>()

  constructor(parts: TroubleBoardParts) {
    this.#parts = parts
    const { store, identity, logger } = parts
    this.#document = new OwnDocument({ store, key: keys.troubles(identity.id), logger })
    this.#mirror = new Mirror({
      store,
      prefix: keys.allTroubles,
      decode: (_key, value) => documents.troubles.decode(value),
      logger,
    })
  }

  /** Begins to follow the other hosts. */
  start(): void {
    this.#mirror.onChange(() => this.#report())
    this.#mirror.start()
  }

  /**
   * Tells what is not well here.
   * @param part who says so; it names all that it knows of
   * @param networks name of a network → what is wrong
   */
  tell(part: string, networks: ReadonlyMap<string, string>): void {
    this.#own.set(part, networks)
    const all = [...this.#own.values()].flatMap((each) => [...each])
    const { name } = this.#parts.identity
    const value = documents.troubles.encode({ name, networks: Object.fromEntries(all.sort()) })
    this.#document.set(all.length === 0 ? undefined : value)
  }

  /** The store has lost data. */
  rewrite(): void {
    this.#document.rewrite()
  }

  async close(): Promise<void> {
    await this.#mirror.close()
    await this.#document.close()
  }

  #report(): void {
    const byNetwork = new Map<string, string[]>()
    for (const [key, { name, networks }] of this.#mirror.entries()) {
      if (lastPart(key) === this.#parts.identity.id) continue
      for (const [network, problem] of Object.entries(networks))
        byNetwork.set(network, [...(byNetwork.get(network) ?? []), `on ${name}: ${problem}`])
    }
    const lines = [...byNetwork].map(([network, found]) => [network, shorten(found)] as const)
    this.#parts.problems.report('other hosts', new Map(lines))
  }
}

function shorten(found: readonly string[]): string {
  const more = found.length > SHOWN ? `; and on ${found.length - SHOWN} more hosts` : ''
  return `${found.slice(0, SHOWN).join('; ')}${more}`
}
