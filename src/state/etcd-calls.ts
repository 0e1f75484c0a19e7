/**
 * Calls that always end: a deadline, an abort, a choice of endpoints, a login, and a rule for what
 * may be sent twice.
 *
 * etcd3 would retry by itself (its cockatiel policies: three more attempts for whatever looks like
 * a network fault, and a circuit breaker that blocks a host for 5 s). Both are switched off, since
 * the retry also repeats writes: a transaction "key absent → put" whose answer was lost would come
 * back as `done: false` although it was done. So here:
 *
 * - what may be repeated (reads, renewals) goes to the next endpoint after trouble;
 * - a refused connection is tried again until the deadline, as an etcd may be restarting;
 * - a transaction is repeated only if it surely was not sent or was refused before it was applied;
 *   else the caller gets STORE_UNAVAILABLE and must read before it decides anything.
 *
 * A client whose calls time out is replaced: grpc-js has no timeout for connecting, so a lost SYN or
 * an etcd that accepts but does not speak would hold every later call as well. It is replaced at once
 * when its endpoint answers after a silence (etcd-silence.ts).
 */
import { setMaxListeners } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { messageOf } from '../core/errors.js'
import {
  causeOf,
  failureOf,
  isRefused,
  isTimeout,
  isTokenStale,
  isTrouble,
  isUnsent,
  unavailable,
} from './etcd-errors.js'
import { Silence } from './etcd-silence.js'

/**
 * How long (ms) a client is given before a timeout replaces it, doubled up to the maximum until a
 * call succeeds: grpc-js cannot take back an attempt to connect, so each replacement of a client
 * that hangs in one leaves a socket until the kernel or the other side gives it up.
 */
const PATIENCE_FIRST = 2_500
const PATIENCE_MAX = 30_000

/** Between two rounds over endpoints that all refuse the connection (milliseconds). */
const REFUSED_PAUSE = 100

/** For a whole call, all its attempts included (milliseconds). */
export const CALL_DEADLINE = 3_000

/** Milliseconds left of CALL_DEADLINE, from now on: for several calls that share it. */
export function countdown(): () => number {
  const end = performance.now() + CALL_DEADLINE
  return () => end - performance.now()
}

export interface Attempt {
  /** by performance.now() (ms), which no change of the clock moves */
  readonly deadline: number
  /** token of the login; absent without STORE_USER */
  readonly token: string | undefined
  /** Leaves a way to end the running request before its deadline. */
  onCancel(cancel: () => void): void
}

export interface CallOptions<C, T> {
  /** for error texts: `get /hosts/a` */
  readonly action: string
  /** whether doing it twice is harmless */
  readonly repeatable: boolean
  readonly signal?: AbortSignal | undefined
  /** milliseconds, instead of CALL_DEADLINE */
  readonly deadline?: number
  run(client: C, attempt: Attempt): Promise<T>
}

export interface CallsOptions<C> {
  readonly endpoints: readonly string[]
  /** for error texts: `etcd at http://10.0.0.10:2379 (setting STORE)` */
  readonly store: string
  /** Makes a client without connecting. */
  open(endpoint: string): C
  close(client: C): void
  /** Exchanges the login for a token; absent without STORE_USER. */
  readonly login?: ((client: C, attempt: Attempt) => Promise<string>) | undefined
}

export class Calls<C extends object> {
  readonly #options: CallsOptions<C>
  readonly #clients: (C | undefined)[]
  readonly #opened = new WeakMap<C, number>()
  readonly #silences: readonly Silence[]
  #patience = PATIENCE_FIRST
  readonly #closing = new AbortController()
  #at: number
  #token: string | undefined

  constructor(options: CallsOptions<C>) {
    this.#options = options
    this.#clients = options.endpoints.map(() => undefined)
    this.#silences = options.endpoints.map(
      (endpoint, index) => new Silence(endpoint, () => this.#replace(index)),
    )
    // every call and watch under way listens to it
    setMaxListeners(0, this.closed)
    this.#at = Math.floor(Math.random() * options.endpoints.length)
  }

  /** Aborts when the store closes. */
  get closed(): AbortSignal {
    return this.#closing.signal
  }

  /** @throws TsoverlayError STORE_UNAVAILABLE */
  async call<T>(options: CallOptions<C, T>): Promise<T> {
    const end = performance.now() + (options.deadline ?? CALL_DEADLINE)
    for (let attempt = 1; ; attempt++) {
      const outcome = await this.#attempt(options, attempt, end)
      if (outcome !== undefined) return outcome.value
    }
  }

  /** @returns undefined to be called again */
  async #attempt<T>(
    options: CallOptions<C, T>,
    attempt: number,
    end: number,
  ): Promise<{ readonly value: T } | undefined> {
    if (this.closed.aborted) throw this.#error(options, 'the store is closed')
    const client = this.current()
    // a hanging endpoint must leave time for another
    const share = options.repeatable && attempt < this.#clients.length ? 2 : 1
    try {
      const deadline = performance.now() + (end - performance.now()) / share
      const value = await this.#within(options, client, deadline)
      this.#patience = PATIENCE_FIRST
      this.#silences[this.#clients.indexOf(client)]?.over()
      return { value }
    } catch (error) {
      if (!this.#judge(options, client, error)) throw this.#failed(options, error, end)
      if (attempt < Math.max(2, this.#clients.length) && performance.now() < end) return undefined
      // An etcd that restarts, or elects a leader, refuses for a second or so.
      if (!isRefused(failureOf(error)) || end - performance.now() < 2 * REFUSED_PAUSE) {
        throw this.#failed(options, error, end)
      }
      await sleep(REFUSED_PAUSE)
      return undefined
    }
  }

  /** The client in use; made when needed, without connecting. */
  current(): C {
    const known = this.#clients[this.#at]
    if (known !== undefined) return known
    const client = this.#options.open(this.#options.endpoints[this.#at] ?? '')
    this.#clients[this.#at] = client
    this.#opened.set(client, performance.now())
    return client
  }

  /**
   * Turns to the next endpoint, unless somebody has done so already.
   * @param timedOut its connection is not to be trusted any more
   */
  failed(client: C, timedOut: boolean): void {
    const index = this.#clients.indexOf(client)
    if (index < 0) return
    if (index === this.#at) this.#at = (index + 1) % this.#clients.length
    if (timedOut) this.#silences[index]?.suspect()
    const age = performance.now() - (this.#opened.get(client) ?? 0)
    if (!timedOut || age < this.#patience) return
    this.#patience = Math.min(PATIENCE_MAX, this.#patience * 2)
    this.#replace(index)
  }

  /** The next call of that endpoint's opens another client; what is under way on this one ends. */
  #replace(index: number): void {
    const client = this.#clients[index]
    this.#clients[index] = undefined
    if (client !== undefined) this.#options.close(client)
  }

  close(): void {
    this.#closing.abort()
    for (const silence of this.#silences) silence.over()
    for (const index of this.#clients.keys()) this.#replace(index)
  }

  /**
   * Notes what a failure says about connection and token.
   * @returns whether to try once more
   * @throws TsoverlayError STORE_UNAVAILABLE when the call was stopped on purpose
   */
  #judge(options: CallOptions<C, unknown>, client: C, error: unknown): boolean {
    if (options.signal?.aborted) throw this.#error(options, 'given up by its caller', error)
    if (this.closed.aborted) throw this.#error(options, 'the store was closed', error)
    const failure = failureOf(error)
    if (isTokenStale(failure) && this.#token !== undefined) {
      this.#token = undefined
      return true
    }
    if (!isTrouble(failure)) return false
    this.failed(client, isTimeout(failure))
    return options.repeatable || isUnsent(failure)
  }

  /** One attempt, which ends with its deadline, the caller's signal or the store's end. */
  async #within<T>(options: CallOptions<C, T>, client: C, deadline: number): Promise<T> {
    const signals = [this.closed, ...(options.signal === undefined ? [] : [options.signal])]
    let cancelCall = () => {}
    let stop = () => {}
    const stopped = new Promise<never>((_, reject) => {
      stop = () => {
        cancelCall()
        reject(new Error('1 CANCELLED: stopped by this host'))
      }
    })
    for (const signal of signals) signal.addEventListener('abort', stop)
    if (signals.some((signal) => signal.aborted)) stop()
    const onCancel = (cancel: () => void) => {
      cancelCall = cancel
      if (signals.some((signal) => signal.aborted)) cancel()
    }
    try {
      return await Promise.race([this.#run(options, client, { deadline, onCancel }), stopped])
    } finally {
      for (const signal of signals) signal.removeEventListener('abort', stop)
    }
  }

  async #run<T>(
    options: CallOptions<C, T>,
    client: C,
    attempt: Omit<Attempt, 'token'>,
  ): Promise<T> {
    if (attempt.deadline <= performance.now()) throw new Error('4 DEADLINE_EXCEEDED: no time left')
    const { login } = this.#options
    if (login !== undefined && this.#token === undefined) {
      this.#token = await login(client, { ...attempt, token: undefined })
    }
    return await options.run(client, { ...attempt, token: this.#token })
  }

  #failed(options: CallOptions<C, unknown>, error: unknown, end: number): Error {
    if (error instanceof TypeError) return error
    const failure = failureOf(error)
    const took = ((options.deadline ?? CALL_DEADLINE) + performance.now() - end) / 1000
    const cause = causeOf(failure, this.#options.login !== undefined)
    const time = isTimeout(failure) ? ` after ${took.toFixed(1)} s` : ''
    const doubt =
      options.repeatable || !isTrouble(failure) || isUnsent(failure)
        ? ''
        : '; whether it was done is not known'
    return this.#error(options, `${cause}${time}${doubt}`, error)
  }

  #error(options: CallOptions<C, unknown>, cause: string, error?: unknown): Error {
    return unavailable(options.action, this.#options.store, cause, error)
  }
}

/**
 * The policy "call once" in place of etcd3's retry and circuit breaker. The error is made anew
 * because etcd3 drops all channels of a host when it sees one of its own recoverable errors.
 */
export const ONCE = {
  _altReturn: undefined as never,
  onSuccess: () => ({ dispose: () => {} }),
  onFailure: () => ({ dispose: () => {} }),
  async execute<T>(
    run: (context: { readonly signal: AbortSignal }) => PromiseLike<T> | T,
  ): Promise<T> {
    try {
      return await run({ signal: new AbortController().signal })
    } catch (error) {
      throw new CallError(messageOf(error), { cause: error })
    }
  },
}

/** A class of its own, since etcd3 turns every plain Error into one of its classes. */
class CallError extends Error {}
