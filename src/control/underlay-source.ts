/**
 * The underlay of this host as it is now. At boot the address may come later than the plugin, so
 * it is looked for until it is there.
 */
import { messageOf, TsoverlayError } from '../core/errors.js'
import type { Dataplane, Logger } from '../core/ports.js'
import type { Underlay } from '../core/types.js'

const RETRY_MS = 1_000

export class UnderlaySource {
  readonly #dataplane: Pick<Dataplane, 'underlay'>
  readonly #advertise: string
  readonly #port: number
  readonly #logger: Logger
  readonly #onKnown: (underlay: Underlay) => void
  #current: Underlay | undefined
  #problem = 'not looked for yet'
  #timer: NodeJS.Timeout | undefined
  #closed = false

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

  /** Looks now, and every second until it is found; the first failure is logged. */
  async start(): Promise<void> {
    const first = this.#timer === undefined
    try {
      this.#current = { ...(await this.#dataplane.underlay(this.#advertise)), port: this.#port }
      this.#logger.info({ ...this.#current }, 'underlay found')
      this.#onKnown(this.#current)
    } catch (error) {
      this.#problem = messageOf(error)
      if (first) this.#logger.error({ err: this.#problem }, 'no underlay yet')
      if (this.#closed) return
      this.#timer = setTimeout(() => void this.start(), RETRY_MS)
      this.#timer.unref()
    }
  }

  /** @throws TsoverlayError UNDERLAY_UNKNOWN */
  current(): Underlay {
    if (this.#current === undefined) throw new TsoverlayError('UNDERLAY_UNKNOWN', this.#problem)
    return this.#current
  }

  get known(): Underlay | undefined {
    return this.#current
  }

  /** For people: the underlay, or why there is none. */
  summary(): { vtep?: string; mtu?: number; problem?: string } {
    if (this.#current === undefined) return { problem: this.#problem }
    return { vtep: this.#current.vtep, mtu: this.#current.mtu }
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
  }
}
