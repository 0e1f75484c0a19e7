/**
 * Entries of one kind that peers claim: each address, or MAC, is one peer's at a time. Of several
 * that claim one the one that announced it last has it, else the one with the smaller id, on
 * every host the same; when it goes, the next has it. What this host has itself is never looked for elsewhere.
 *
 * A claim is kept as the peer that makes it; the entry is made of it anew when it is asked for.
 */
import type { EntrySet } from '../../core/plan.js'
import type { Peer } from '../../core/types.js'
import { byTurn } from './floats.js'

interface Options<E extends { readonly dev: string }> {
  entriesOf(peer: Peer): readonly E[]
  keyOf(entry: E): string
  /** Keys are claimed within a scope: entries of one key on several devices may exclude each other. */
  scopeOf(dev: string): string
}

/** Nearly always there is only one. */
type Holders = Peer | readonly Peer[]

export class Claims<E extends { readonly dev: string }> implements EntrySet<E> {
  readonly #options: Options<E>
  /** scope → key → who claims it, the first of them has it */
  readonly #holders = new Map<string, Map<string, Holders>>()
  /** scope → keys that this host has */
  #here: ReadonlyMap<string, ReadonlySet<string>> = new Map()
  /** absent until somebody follows them */
  #changes: Map<string, Map<string, E | undefined>> | undefined

  constructor(options: Options<E>) {
    this.#options = options
  }

  get(dev: string, key: string): E | undefined {
    const entry = this.#entryAt(this.#options.scopeOf(dev), key)
    return entry?.dev === dev ? entry : undefined
  }

  takeChanges(): ReadonlyMap<string, ReadonlyMap<string, E | undefined>> {
    const changes = this.#changes ?? new Map()
    this.#changes = new Map()
    return changes
  }

  *[Symbol.iterator](): Generator<E> {
    for (const [scope, keys] of this.#holders) {
      for (const key of keys.keys()) {
        const entry = this.#entryAt(scope, key)
        if (entry !== undefined) yield entry
      }
    }
  }

  /** One that is in already is left as it is. */
  add(peer: Peer): void {
    this.#alter(peer, withHolder)
  }

  /** Of that very object; one that is not in is left alone. */
  remove(peer: Peer): void {
    this.#alter(peer, withoutHolder)
  }

  /** @param entries what would be claimed of what this host has itself */
  setHere(entries: Iterable<E>): void {
    const here = new Map<string, Set<string>>()
    for (const entry of entries) {
      const scope = this.#options.scopeOf(entry.dev)
      here.set(scope, (here.get(scope) ?? new Set()).add(this.#options.keyOf(entry)))
    }
    const before = this.#here
    const altered = [...missing(before, here), ...missing(here, before)]
    const former = altered.map(([scope, key]) => this.#entryAt(scope, key))
    this.#here = here
    for (const [index, [scope, key]] of altered.entries()) this.#note(scope, key, former[index])
  }

  #alter(
    peer: Peer,
    change: (holders: Holders | undefined, peer: Peer, key: string) => Holders | undefined,
  ): void {
    const { entriesOf, scopeOf, keyOf } = this.#options
    for (const entry of entriesOf(peer)) {
      const [scope, key] = [scopeOf(entry.dev), keyOf(entry)]
      const keys = this.#holders.get(scope) ?? new Map<string, Holders>()
      const holders = keys.get(key)
      const next = change(holders, peer, key)
      if (next === holders) continue
      const former = holders === undefined ? undefined : this.#entryAt(scope, key)
      this.#holders.set(scope, keys)
      if (next === undefined) keys.delete(key)
      else keys.set(key, next)
      // nearly always it is the first and only one
      if (holders === undefined) this.#note(scope, key, undefined, entry)
      else this.#note(scope, key, former)
    }
  }

  #note(scope: string, key: string, former: E | undefined, now = this.#entryAt(scope, key)): void {
    if (this.#changes === undefined) return
    if (former !== undefined) noteChange(this.#changes, former.dev, key, former)
    if (now !== undefined && now.dev !== former?.dev)
      noteChange(this.#changes, now.dev, key, undefined)
  }

  #entryAt(scope: string, key: string): E | undefined {
    const holders = this.#holders.get(scope)?.get(key)
    if (holders === undefined || this.#here.get(scope)?.has(key) === true) return undefined
    const { entriesOf, scopeOf, keyOf } = this.#options
    const [first] = listOf(holders)
    return (first === undefined ? [] : entriesOf(first)).find(
      (entry) => keyOf(entry) === key && scopeOf(entry.dev) === scope,
    )
  }
}

function noteChange<E>(
  changes: Map<string, Map<string, E | undefined>>,
  dev: string,
  key: string,
  former: E | undefined,
): void {
  const keys = changes.get(dev) ?? new Map<string, E | undefined>()
  changes.set(dev, keys)
  if (!keys.has(key)) keys.set(key, former)
}

function listOf(holders: Holders | undefined): readonly Peer[] {
  if (holders === undefined) return []
  return isList(holders) ? holders : [holders]
}

function isList(holders: Holders): holders is readonly Peer[] {
  return Array.isArray(holders)
}

function withHolder(holders: Holders | undefined, peer: Peer, key: string): Holders {
  if (holders === undefined) return peer
  const list = listOf(holders)
  if (list.includes(peer)) return holders
  return [...list, peer].sort((a, b) => byTurn(a, b, key))
}

function withoutHolder(holders: Holders | undefined, peer: Peer): Holders | undefined {
  const list = listOf(holders)
  if (!list.includes(peer)) return holders
  const rest = list.filter((each) => each !== peer)
  return rest.length === 1 ? rest[0] : rest.length === 0 ? undefined : rest
}

/** What `all` has and `other` has not. */
function* missing(
  all: ReadonlyMap<string, ReadonlySet<string>>,
  other: ReadonlyMap<string, ReadonlySet<string>>,
): Generator<readonly [string, string]> {
  for (const [scope, keys] of all) {
    for (const key of keys) if (other.get(scope)?.has(key) !== true) yield [scope, key]
  }
}
