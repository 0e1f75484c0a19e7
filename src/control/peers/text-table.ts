/**
 * Text → endpoints, for hundreds of thousands of texts, of which some have thousands of endpoints: a
 * hash table of numbers. To add one more takes the same time however many there are. The texts are not
 * kept: whoever asks looks whether what was found has the text.
 */
import type { Endpoint } from '../../core/types.js'

/** No entry: the end of a chain. */
const NONE = 0xffffffff
const SMALLEST = 64

export class TextTable {
  /** an endpoint for each of its texts; undefined: the entry is free */
  readonly #endpoints: (Endpoint | undefined)[] = []
  #hashes = new Uint32Array(SMALLEST)
  /** the next entry in the same chain, or the next one that is free */
  #next = new Uint32Array(SMALLEST)
  /** the first entry of each chain */
  #heads = new Uint32Array(SMALLEST).fill(NONE)
  #free = NONE

  add(text: string, endpoint: Endpoint): void {
    const hash = hashOf(text)
    const at = this.#entry()
    const chain = hash & (this.#heads.length - 1)
    this.#endpoints[at] = endpoint
    this.#hashes[at] = hash
    this.#next[at] = this.#heads[chain] ?? NONE
    this.#heads[chain] = at
  }

  /** Whatever that very object was added with this text for. */
  remove(text: string, endpoint: Endpoint): void {
    const hash = hashOf(text)
    const chain = hash & (this.#heads.length - 1)
    let before = NONE
    let at = this.#heads[chain] ?? NONE
    while (at !== NONE) {
      const after = this.#next[at] ?? NONE
      if (this.#endpoints[at] !== endpoint || this.#hashes[at] !== hash) before = at
      else {
        if (before === NONE) this.#heads[chain] = after
        else this.#next[before] = after
        this.#endpoints[at] = undefined
        this.#next[at] = this.#free
        this.#free = at
      }
      at = after
    }
  }

  /** Each endpoint that was added with a text of that hash, once. */
  candidates(text: string): readonly Endpoint[] {
    const hash = hashOf(text)
    const chain = hash & (this.#heads.length - 1)
    const found = new Set<Endpoint>()
    for (let at = this.#heads[chain] ?? NONE; at !== NONE; at = this.#next[at] ?? NONE) {
      const endpoint = this.#endpoints[at]
      if (endpoint !== undefined && this.#hashes[at] === hash) found.add(endpoint)
    }
    return [...found]
  }

  /** Number of an entry to use. */
  #entry(): number {
    const free = this.#free
    if (free !== NONE) {
      this.#free = this.#next[free] ?? NONE
      return free
    }
    if (this.#endpoints.length === this.#hashes.length) this.#grow()
    return this.#endpoints.push(undefined) - 1
  }

  /** By half: there may be hundreds of thousands. */
  #grow(): void {
    const size = Math.ceil(this.#hashes.length * 1.5)
    this.#hashes = widened(this.#hashes, size)
    this.#next = new Uint32Array(size)
    this.#heads = new Uint32Array(2 ** Math.floor(Math.log2(size))).fill(NONE)
    // No entry is free now.
    for (let at = 0; at < this.#endpoints.length; at += 1) {
      const chain = (this.#hashes[at] ?? 0) & (this.#heads.length - 1)
      this.#next[at] = this.#heads[chain] ?? NONE
      this.#heads[chain] = at
    }
  }
}

function widened(numbers: Uint32Array, size: number): Uint32Array<ArrayBuffer> {
  const wide = new Uint32Array(size)
  wide.set(numbers)
  return wide
}

/** FNV-1a, its bits mixed once more, as chains go by the lowest. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5
  for (let at = 0; at < text.length; at += 1)
    hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  return (hash ^ (hash >>> 13)) >>> 0
}
