/**
 * The fuzz run: dockerd played by eight workers that know no manners, against the built plugin on the
 * real kernel and a real etcd. After each phase everything is given back, and nothing may be left.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { EtcdProcess } from '../contract/etcd-process.js'
import { fdsOf, type Gauges, gaugesOf } from '../soak/gauges.js'
import { draw } from './actions.js'
import { Ledger } from './ledger.js'
import { Lives } from './lives.js'
import { perform } from './perform.js'
import { PluginProcess } from './plugin-process.js'
import { remains } from './remains.js'
import { World } from './world.js'

const WORKERS = 8
/** Before the first figures: what is made once and kept, such as compiled code. */
const WARM_UP = 600
const CHUNK = 50
const LIVENESS_MS = 250
const SETTLE_MS = 15_000
/** Violations after which it is pointless to go on. */
const TOO_MANY = 20

export interface FuzzOptions {
  readonly seed: number
  readonly requests: number
  /** a multiple of 3: the last third is compared with the first */
  readonly phases: number
  readonly say: (line: string) => void
}

export interface FuzzResult {
  readonly ledger: Ledger
  /** one for each phase, taken when all was given back */
  readonly gauges: readonly Gauges[]
  readonly baseline: Gauges
  /** the slowest answer to a call that was made on a connection of its own, every 250 ms */
  readonly slowestMs: number
}

/** To be called on a throw-away host. */
export async function runFuzz(options: FuzzOptions): Promise<FuzzResult> {
  const etcd = await EtcdProcess.create()
  try {
    const plugin = await PluginProcess.start(etcd.endpoint)
    try {
      return await new FuzzRun(options, plugin, etcd).all()
    } finally {
      await plugin.stop()
    }
  } finally {
    await etcd.remove()
  }
}

class FuzzRun {
  readonly #options: FuzzOptions
  readonly #plugin: PluginProcess
  readonly #etcd: EtcdProcess
  readonly #ledger: Ledger
  readonly #world: World
  readonly #lives: Lives
  #chunks = 0
  #slowestMs = 0
  #fds: number | undefined

  constructor(options: FuzzOptions, plugin: PluginProcess, etcd: EtcdProcess) {
    this.#options = options
    this.#plugin = plugin
    this.#etcd = etcd
    this.#ledger = new Ledger(options.seed)
    this.#world = new World(plugin.sockets, this.#ledger)
    this.#lives = new Lives(this.#world)
  }

  async all(): Promise<FuzzResult> {
    const { requests, phases, say } = this.#options
    const gauges: Gauges[] = []
    try {
      const warmUp = Math.min(WARM_UP, Math.floor(requests / (phases + 1)))
      const baseline = await this.#phase(warmUp)
      say(`warm-up: ${line(baseline)}`)
      let told = 0
      for (let phase = 1; phase <= phases && this.#plugin.isRunning; phase += 1) {
        const target = warmUp + Math.floor(((requests - warmUp) * phase) / phases)
        const after = await this.#phase(target)
        gauges.push(after)
        this.#compare(baseline, after)
        const { violations } = this.#ledger
        for (const one of violations.slice(told)) say(`✗ ${one}`)
        told = violations.length
        say(`${this.#ledger.requests} requests: ${line(after)}, ${violations.length} violations`)
        if (violations.length > TOO_MANY) break
      }
      const slowestMs = Math.round(this.#slowestMs)
      return { ledger: this.#ledger, gauges, baseline, slowestMs }
    } finally {
      this.#lives.end()
      this.#world.release()
    }
  }

  /** Works until `target` requests were sent in all, then gives everything back. */
  async #phase(target: number): Promise<Gauges> {
    const watching = new AbortController()
    const watched = this.#watch(watching.signal)
    await this.#lives.open()
    await Promise.all(Array.from({ length: WORKERS }, () => this.#work(target)))
    watching.abort()
    await watched
    this.#world.release()
    await this.#lives.close()
    await this.#world.giveBack()
    this.#world.release()
    const left = await this.#settled()
    for (const one of left) this.#violation('left behind', one)
    for (const one of this.#plugin.complaints.splice(0)) this.#violation('the log', one)
    if (!this.#plugin.isRunning) throw new Error('the plugin has ended')
    const gauges = await gaugesOf(this.#plugin.pid)
    // Counted with the inspector on.
    this.#fds ??= gauges.fds
    return gauges
  }

  async #work(target: number): Promise<void> {
    while (this.#ledger.requests < target && this.#plugin.isRunning) {
      this.#chunks += 1
      for (const action of draw(this.#options.seed * 1_000_003 + this.#chunks, CHUNK)) {
        if (this.#ledger.requests >= target || !this.#plugin.isRunning) return
        await perform(this.#world, this.#lives, action)
      }
    }
  }

  async #settled(): Promise<string[]> {
    const end = Date.now() + SETTLE_MS
    for (;;) {
      const left = [...(await remains(this.#plugin, this.#etcd)), ...this.#surplus()]
      if (left.length === 0 || Date.now() > end) return left
      await sleep(100)
    }
  }

  /** Descriptors beyond those of the warm-up. */
  #surplus(): string[] {
    const open = fdsOf(this.#plugin.pid)
    if (this.#fds === undefined || open.length <= this.#fds) return []
    return [`${open.length} file descriptors instead of ${this.#fds}: ${open.join(' ')}`]
  }

  #compare(baseline: Gauges, after: Gauges): void {
    if (after.netlink > baseline.netlink)
      this.#violation('netlink sockets', `${baseline.netlink} became ${after.netlink}`)
  }

  #violation(what: string, problem: string): void {
    this.#ledger.violation(this.#ledger.requests, what, problem.slice(0, 600))
  }

  /** Asks something simple all the time: the plugin must never be too busy to answer. */
  async #watch(signal: AbortSignal): Promise<void> {
    for (let n = 0; !signal.aborted && this.#plugin.isRunning; n += 1) {
      const begun = performance.now()
      const sent = { verb: 'POST', path: '/NetworkDriver.GetCapabilities', body: '' }
      const bytes = Buffer.from(`${sent.verb} ${sent.path} HTTP/1.1\r\nHost: a\r\n\r\n`)
      try {
        const [answer] = await this.#world.rpc(n).raw([bytes], 1)
        if (answer?.status !== 200 && this.#plugin.isRunning)
          this.#violation('liveness', `answered with ${answer?.status}`)
      } catch (error) {
        this.#violation('liveness', `${error}`)
      }
      this.#slowestMs = Math.max(this.#slowestMs, performance.now() - begun)
      await sleep(LIVENESS_MS)
    }
  }
}

function line({ fds, netlink, threads, heapKb, rssKb }: Gauges): string {
  const mb = (kb: number): string => (kb / 1024).toFixed(1)
  return `${fds} fds, ${netlink} netlink, ${threads} threads, heap ${mb(heapKb)} MB, RSS ${mb(rssKb)} MB`
}
