/**
 * What has happened since the consumer last looked, at most one fact per key: a slow consumer
 * gets one larger Delta instead of a queue without end.
 */
import type { Delta, Entry } from '../core/ports.js'

export class DeltaBuffer {
  readonly #facts = new Map<string, Entry | undefined>()
  #revision = 0

  put(entry: Entry): void {
    this.#facts.set(entry.key, entry)
    this.#revision = entry.revision
  }

  delete(key: string, revision: number): void {
    this.#facts.set(key, undefined)
    this.#revision = revision
  }

  /** Distinct keys that wait. */
  get size(): number {
    return this.#facts.size
  }

  /** Hands over what waits; undefined when nothing does. A key is in `puts` or `deletes`, not both. */
  take(): Delta | undefined {
    if (this.#facts.size === 0) return undefined
    const puts: Entry[] = []
    const deletes: string[] = []
    for (const [key, entry] of this.#facts) {
      if (entry === undefined) deletes.push(key)
      else puts.push(entry)
    }
    this.#facts.clear()
    return { kind: 'delta', puts, deletes, revision: this.#revision }
  }
}
