/** All that this host knows of names, put together. */
import type { NamesView } from '../../core/names-view.js'
import type { Dataplane, Logger, NamePlace, Store } from '../../core/ports.js'
import type { Identity } from '../../state/identity.js'
import type { Journal } from '../../state/journal.js'
import type { Outbox } from '../../state/outbox.js'
import type { DockerNames } from '../dockerd/docker-names.js'
import type { Peers } from '../peers/peers.js'
import type { Problems } from '../troubles/problems.js'
import { Directory } from './directory.js'
import { Living } from './living.js'
import { type NameCounters, NameServices, type Served } from './name-services.js'
import { NamesReport } from './names-report.js'
import { OwnNames } from './own-names.js'
import { StaticNames } from './static-names.js'

export interface NamesParts {
  readonly docker: DockerNames
  readonly store: Store
  readonly dataplane: Pick<Dataplane, 'openNames' | 'onNamespace'>
  /** Begins to answer in a container's namespace. */
  readonly serve: (place: NamePlace, view: NamesView) => Served
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
  readonly #services: NameServices
  readonly #living: Living

  constructor(parts: NamesParts) {
    this.#living = new Living(parts)
    this.own = new OwnNames(parts)
    this.statics = new StaticNames(parts)
    const { own, statics } = this
    this.directory = new Directory({ ...parts, own, statics, living: this.#living })
    const { directory } = this
    this.report = new NamesReport({ ...parts, own, statics, directory })
    this.#services = new NameServices({
      ...parts,
      serve: (place, networks) => parts.serve(place, directory.viewOf(networks)),
      isWanted: (network) => directory.serves([network]),
    })
    parts.dataplane.onNamespace((name) => this.#services.appeared(name))
  }

  /** A container has joined or left a network. */
  look(): void {
    this.#services.look()
  }

  status(): NameCounters & { readonly namespaces: number } {
    return { namespaces: this.#services.count, ...this.#services.counters }
  }

  /** Begins to learn and to follow; neither dockerd nor the store has to be there yet. */
  start(): void {
    this.statics.start()
    this.own.start()
    this.#services.start()
  }

  async close(): Promise<void> {
    await this.#services.close()
    await this.#living.close()
    await this.own.close()
    await this.statics.close()
  }
}
