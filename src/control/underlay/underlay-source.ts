/**
 * The underlay of this host as it is now. At boot the address may come later than the plugin, so
 * it is looked for until it is there. Afterwards it is followed: each change of the host's links,
 * addresses or routes makes it look again.
 */
import { messageOf, TsoverlayError } from '../../core/errors.js'
import type { Dataplane, Logger } from '../../core/ports.js'
import type { Underlay } from '../../core/types.js'

const RETRY_MS = 1_000

export class UnderlaySource {
  readonly #dataplane: Pick<Dataplane, 'underlay'>
  readonly #advertise: string
  readonly #port: number
  readonly #logger: Logger
  readonly #onKnown: (underlay: Underlay) => void
  #current: Underlay | undefined
  #problem: string | undefined = 'not looked for yet'
  #tried = false
  #timer: NodeJS.Timeout | undefined
  #looking: Promise<void> | undefined
  #again = false
  #closed = false
  readonly #waiting = new Set<() => void>()

  /** @param options.onKnown called with the first one and with each that differs from the last */
  constructor(options: {
    dataplane: Pick<Dataplane, 'underlay'>
    advertise: string
    port: number
    logger: Logger
    onKnown: (underlay: Underlay) => void
  }) {
    this.#dataplane = options.dataplane
    this.#advertise = options.advertise
    this.#port = options.port
    this.#logger = options.logger
    this.#onKnown = options.onKnown
  }

  /** Looks now, and every second until it is found. */
  start(): Promise<void> {
    return this.look()
  }

  /** Looks whether it is another now; calls while it looks are one more look after that. */
  look(): Promise<void> {
    this.#again = this.#looking !== undefined
    this.#looking ??= this.#lookOn().finally(() => {
      this.#looking = undefined
    })
    return this.#looking
  }

  async #lookOn(): Promise<void> {
    do {
      this.#again = false
      await this.#lookOnce()
    } while (this.#again)
  }

  async #lookOnce(): Promise<void> {
    if (this.#closed) return
    clearTimeout(this.#timer)
    try {
      const found = { ...(await this.#dataplane.underlay(this.#advertise)), port: this.#port }
      if (!this.#closed) this.#found(found)
    } catch (error) {
      this.#lost(messageOf(error))
    }
    this.#tried = true
  }

  #found(found: Underlay): void {
    const former = this.#current
    const wasLost = this.#problem !== undefined
    this.#problem = undefined
    if (former !== undefined && isSame(former, found)) {
      if (wasLost) this.#logger.info({ ...found }, 'underlay is there again')
      return
    }
    this.#current = found
    if (former === undefined) this.#logger.info({ ...found }, 'underlay found')
    else this.#logger.warn({ ...found, formerVtep: former.vtep }, 'underlay changed')
    this.#onKnown(found)
    for (const done of [...this.#waiting]) done()
  }

  /** The last one is kept: a cable that is pulled for a moment must change nothing. */
  #lost(problem: string): void {
    const isNews = this.#current === undefined ? !this.#tried : this.#problem === undefined
    this.#problem = problem
    if (isNews && this.#current === undefined)
      this.#logger.error({ err: problem }, 'no underlay yet')
    else if (isNews) this.#logger.error({ err: problem }, 'underlay lost, keeping the last one')
    if (this.#closed) return
    this.#timer = setTimeout(() => void this.look(), RETRY_MS)
    this.#timer.unref()
  }

  /** Resolves when it is known, or when `signal` aborts. */
  async arrived(signal: AbortSignal): Promise<void> {
    if (this.#current !== undefined || signal.aborted) return
    await new Promise<void>((resolve) => {
      const done = (): void => {
        this.#waiting.delete(done)
        signal.removeEventListener('abort', done)
        resolve()
      }
      this.#waiting.add(done)
      signal.addEventListener('abort', done)
    })
  }

  /** @throws TsoverlayError UNDERLAY_UNKNOWN */
  current(): Underlay {
    if (this.#current === undefined) {
      throw new TsoverlayError('UNDERLAY_UNKNOWN', this.#problem ?? 'the underlay is not known')
    }
    return this.#current
  }

  get known(): Underlay | undefined {
    return this.#current
  }

  /** For people: the underlay, and why there is none or it is not there any more. */
  summary(): { vtep?: string; mtu?: number; problem?: string } {
    const problem = this.#problem === undefined ? {} : { problem: this.#problem }
    if (this.#current === undefined) return problem
    return { vtep: this.#current.vtep, mtu: this.#current.mtu, ...problem }
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
  }
}

function isSame(a: Omit<Underlay, 'port'>, b: Omit<Underlay, 'port'>): boolean {
  const isSameLink = a.link?.dev === b.link?.dev && a.link?.subnet === b.link?.subnet
  return a.vtep === b.vtep && a.mtu === b.mtu && isSameLink
}
