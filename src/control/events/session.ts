/** The cluster followed for all who watch it now. */
import type { EventReport } from '../../core/admin/events.js'
import { lastPart } from '../../state/keys.js'
import type { Mirror } from '../../state/mirror.js'
import {
  type Happening,
  hostChange,
  networkChange,
  presenceChange,
  publicationChange,
  troubleChange,
  troublesBetween,
} from './changes.js'
import { ClusterRecords } from './cluster-records.js'
import { EndpointChanges } from './endpoint-changes.js'
import type { EventsParts } from './events.js'
import { KnownNames } from './known-names.js'

/**
 * What happens within this time is told together, when all of its records have come: who is named in
 * one of them is introduced in another (ms).
 */
const GATHER_MS = 100
/** How often what no watch tells is looked at (ms). */
const LOOK_MS = 500

type Told = () => readonly Happening[]

export class Session {
  readonly #parts: EventsParts
  readonly #tell: (event: EventReport) => void
  readonly #records: ClusterRecords
  readonly #names = new KnownNames()
  readonly #endpoints = new EndpointChanges(this.#names, () => performance.now())
  readonly #started: Promise<boolean>
  #gathered: Told[] = []
  #gathering: NodeJS.Timeout | undefined
  #looking: NodeJS.Timeout | undefined
  #problems: Readonly<Record<string, string>>
  #reached: boolean

  constructor(parts: EventsParts, tell: (event: EventReport) => void) {
    this.#parts = parts
    this.#tell = tell
    this.#problems = problemsOf(parts)
    this.#reached = parts.presence.reached
    this.#records = new ClusterRecords({ store: parts.store, onBack: () => this.#back() })
    this.#started = this.#start()
  }

  /** The event that says what is watched from now on; undefined: the session has ended. */
  async watched(): Promise<EventReport | undefined> {
    if (!(await this.#started)) return undefined
    const { hosts, networks, endpoints } = this.#records
    const note = `${hosts.size} hosts, ${networks.size} networks, ${endpoints.size} endpoints`
    return stamped({ kind: 'store', what: 'watched', name: 'store', id: '', note })
  }

  async close(): Promise<void> {
    clearTimeout(this.#gathering)
    clearInterval(this.#looking)
    await this.#records.close()
  }

  async #start(): Promise<boolean> {
    try {
      await this.#records.start()
    } catch {
      return false
    }
    const { hosts, networks, publications, endpoints } = this.#records
    for (const host of hosts.values()) this.#names.noteHost(host)
    for (const network of networks.values()) this.#names.noteNetwork(network)
    for (const publication of publications.values()) this.#names.notePublication(publication)
    for (const endpoint of endpoints.values()) this.#endpoints.note(endpoint)
    this.#follow()
    this.#looking = setInterval(() => this.#look(), LOOK_MS)
    this.#looking.unref()
    return true
  }

  #follow(): void {
    const { hosts, alive, networks, publications, endpoints, troubles } = this.#records
    const names = this.#names
    this.#on(hosts, (_key, former, present) => {
      if (present !== undefined) names.noteHost(present)
      return () => hostChange(former, present)
    })
    this.#on(alive, (key, _former, present) => () => {
      return presenceChange(lastPart(key), present === true, names)
    })
    this.#on(networks, (key, former, present) => {
      if (present !== undefined) names.noteNetwork(present)
      return () => networkChange(lastPart(key), former, present, names)
    })
    this.#on(publications, (_key, former, present) => {
      if (present !== undefined) names.notePublication(present)
      return () => publicationChange(former, present, names)
    })
    this.#on(endpoints, (_key, former, present) => () => this.#endpoints.tell(former, present))
    this.#on(troubles, (_key, former, present) => () => troubleChange(former, present))
  }

  #on<T>(
    mirror: Mirror<T>,
    told: (key: string, former: T | undefined, present: T | undefined) => Told,
  ): void {
    mirror.onChange((changed) => {
      for (const [key, former] of changed) this.#add(told(key, former, mirror.get(key)))
    })
  }

  #add(told: Told): void {
    this.#gathered.push(told)
    this.#gathering ??= setTimeout(() => this.#flush(), GATHER_MS)
  }

  #flush(): void {
    this.#gathering = undefined
    const gathered = this.#gathered
    this.#gathered = []
    for (const told of gathered) for (const each of told()) this.#tell(stamped(each))
  }

  /** The gap shows in what differs between the records before and after it. */
  #back(): void {
    this.#reached = true
    const note = 'what has changed meanwhile follows'
    this.#tell(stamped({ kind: 'store', what: 'back', name: 'store', id: '', note }))
  }

  #look(): void {
    const problems = problemsOf(this.#parts)
    const former = this.#problems
    this.#problems = problems
    this.#add(() => troublesBetween(former, problems))
    const { reached } = this.#parts.presence
    if (!reached && this.#reached) {
      const note = 'this host does not reach it; what happens meanwhile is told afterwards'
      this.#tell(stamped({ kind: 'store', what: 'lost', name: 'store', id: '', note }))
    }
    this.#reached = reached
  }
}

/** Those of other hosts are in the store, under their names. */
function problemsOf({ problems }: EventsParts): Readonly<Record<string, string>> {
  const own = problems.list().filter(({ part }) => part !== 'other hosts')
  return Object.fromEntries(own.map(({ about, problem }) => [about, problem]))
}

function stamped(happening: Happening): EventReport {
  return { at: new Date().toISOString(), ...happening }
}
