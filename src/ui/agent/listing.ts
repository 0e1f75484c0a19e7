/** One listing of the agent, asked for again and again while the page is seen. */
import { type Answer, refusalOf } from './answer.js'

/** A question may take this part of the time, so a large cluster is asked less often. */
const SHARE = 5

export class Listing<T> {
  readonly #path: string
  readonly #everyMs: number
  readonly #listeners = new Set<() => void>()
  #tag: string | undefined
  #timer: ReturnType<typeof setTimeout> | undefined
  #running = false
  #answer: Answer<T> = { state: 'waiting' }

  /** @param everyMs how soon it is asked for again, at the soonest */
  constructor(path: string, everyMs: number) {
    this.#path = path
    this.#everyMs = everyMs
  }

  get answer(): Answer<T> {
    return this.#answer
  }

  /** @returns how to stop it */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Asks now, and then regularly. */
  start(): void {
    if (this.#running) return
    this.#running = true
    void this.#turn()
  }

  stop(): void {
    this.#running = false
    clearTimeout(this.#timer)
  }

  async #turn(): Promise<void> {
    const began = performance.now()
    this.#set(await this.#ask())
    if (!this.#running) return
    const wait = Math.max(this.#everyMs, SHARE * (performance.now() - began))
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => void this.#turn(), wait)
  }

  async #ask(): Promise<Answer<T>> {
    const headers = this.#tag === undefined ? {} : { 'if-none-match': this.#tag }
    try {
      const response = await fetch(`api${this.#path}`, { headers, cache: 'no-store' })
      if (response.status === 304) return { ...this.#answer, state: 'fresh', at: Date.now() }
      if (!response.ok) {
        const route = `GET ${this.#path.split('?')[0]}`
        return refusalOf(response.status, await response.text(), route)
      }
      const value = (await response.json()) as T
      this.#tag = response.headers.get('etag') ?? undefined
      return { state: 'fresh', value, at: Date.now() }
    } catch {
      return { state: 'ended', why: '`tsoverlay ui` has ended: start it again for a new page.' }
    }
  }

  /** What came before stays until something newer comes. */
  #set(answer: Answer<T>): void {
    const { value, at } = this.#answer
    const before = value === undefined || at === undefined ? {} : { value, at }
    const next: Answer<T> = answer.state === 'fresh' ? answer : { ...before, ...answer }
    const silent =
      next.state === this.#answer.state &&
      next.value === this.#answer.value &&
      next.why === this.#answer.why
    this.#answer = next
    if (silent) return
    for (const listener of this.#listeners) listener()
  }
}
