/** All that this host knows of names, put together. */
import type { Logger, Store } from '../../core/ports.js'
import type { Identity } from '../../state/identity.js'
import type { Journal } from '../../state/journal.js'
import type { Outbox } from '../../state/outbox.js'
import type { Peers } from '../peers.js'
import type { Problems } from '../problems.js'
import { Directory } from './directory.js'
import type { DockerNames } from './docker-names.js'
import { NamesReport } from './names-report.js'
import { OwnNames } from './own-names.js'
import { StaticNames } from './static-names.js'

export interface NamesParts {
  readonly docker: DockerNames
  readonly store: Store
  readonly identity: Identity
  readonly journal: Journal
  readonly outbox: Outbox
  readonly peers: Peers
  readonly problems: Pick<Problems, 'report'>
  readonly logger: Logger
}

export class Names {
  readonly own: OwnNames
  readonly statics: StaticNames
  readonly directory: Directory
  readonly report: NamesReport

  constructor(parts: NamesParts) {
    this.own = new OwnNames(parts)
    this.statics = new StaticNames(parts)
    const { own, statics } = this
    this.directory = new Directory({ ...parts, own, statics })
    this.report = new NamesReport({ ...parts, own, statics, directory: this.directory })
  }

  /** Begins to learn and to follow; neither dockerd nor the store has to be there yet. */
  start(): void {
    this.statics.start()
    this.own.start()
  }

  async close(): Promise<void> {
    await this.own.close()
    await this.statics.close()
  }
}
