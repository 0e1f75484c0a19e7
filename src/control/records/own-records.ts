/**
 * Endpoint records in the store that name this host and that it does not have. fenced-store.ts keeps
 * them from coming about; this finds those that did all the same, such as what somebody puts back by
 * hand. It reads the lists of peers that are kept anyway: a network without an endpoint here is looked
 * at when the plugin starts (restoration.ts).
 */
import type { Logger } from '../../core/ports.js'
import type { Journal } from '../../state/journal.js'
import type { Outbox } from '../../state/outbox.js'
import type { Peers } from '../peers/peers.js'
import { chores } from './chores.js'
import { Sightings } from './sightings.js'

/** Longer than the list of peers lags behind a deletion. */
const STALE_MS = 30_000

export interface OwnRecordsParts {
  readonly peers: Pick<Peers, 'own'>
  readonly journal: Journal
  readonly outbox: Outbox
  readonly logger: Logger
  /** milliseconds, never going back */
  readonly now: () => number
  readonly staleMs?: number
}

export class OwnRecords {
  readonly #parts: OwnRecordsParts
  readonly #strays: Sightings

  constructor(parts: OwnRecordsParts) {
    this.#parts = parts
    this.#strays = new Sightings({ rounds: 2, ms: parts.staleMs ?? STALE_MS, now: parts.now })
  }

  /** Looks once; what looks stray for the second time is deleted, unless it is made meanwhile. */
  look(): void {
    const { peers, journal, outbox, logger } = this.#parts
    const isStray = this.#strays.round()
    for (const { id, network } of peers.own()) {
      if (journal.endpoints.get(id) !== undefined || !isStray(`${network} ${id}`)) continue
      logger.warn({ network, endpoint: id.slice(0, 12) }, 'endpoint record of nobody removed')
      // The chore reads the journal when its turn comes.
      void outbox.submit(chores.publishEndpoint({ id, network }))
    }
  }
}
