/** A ping every 15 ms between two containers, which no death of dockerd or the plugin ends. */
import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { waitFor } from '../lab/exec.js'
import type { Host } from '../lab/host.js'

/** Nine pings at once are to leave the machine time for what they are about. */
const INTERVAL_S = '0.015'
const FIRST_ANSWER_MS = 15_000
/** An answer that is not there when the ping ends may be under way. */
const LAST_ANSWER_MS = 300

/** Host numbers, counted from 1: the witness of the first pings that of the second. */
export type Way = readonly [from: number, to: number]

export interface Count {
  /** network and ends, for people */
  readonly what: string
  readonly sent: number
  readonly lost: number
  /** time of the day of the last answer before each gap, to be looked for in logs; 5 at most */
  readonly before: readonly string[]
}

export class Ping {
  readonly #what: string
  readonly #child: ChildProcess
  /** when the answer came, by number */
  readonly #seen = new Map<number, number>()
  #last = 0
  #sent = 0
  readonly #ended: Promise<void>

  /**
   * Starts in the network namespace of a running container.
   * @param pid of the container's process, as the host counts
   * @param what network and ends, for people
   */
  constructor(host: Host, pid: string, to: string, what = 'ping') {
    this.#what = what
    const ping = ['ping', '-n', '-O', '-W', '1', '-i', INTERVAL_S, to]
    const [command = '', ...rest] = host.inside(['nsenter', `--net=/proc/${pid}/ns/net`, ...ping])
    this.#child = spawn(command, rest, { detached: true, stdio: ['ignore', 'pipe', 'ignore'] })
    this.#ended = new Promise((resolve) => this.#child.once('close', () => resolve()))
    if (this.#child.stdout === null) throw new Error('no output of ping')
    createInterface({ input: this.#child.stdout }).on('line', (line) => this.#read(line))
  }

  /** @throws LabError if there's no answer in 15 s */
  async answered(): Promise<void> {
    await waitFor(
      `${this.#what}: first answer`,
      FIRST_ANSWER_MS,
      () => this.#seen.size > 0 || undefined,
    )
  }

  /** Ends it and counts, from the first answer on. */
  async end(): Promise<Count> {
    await new Promise((resolve) => setTimeout(resolve, LAST_ANSWER_MS))
    const last = this.#last
    const { pid } = this.#child
    if (pid !== undefined && this.#child.exitCode === null) process.kill(-pid, 'SIGINT')
    await this.#ended
    // Those sent in the last moment count only if one after them was answered, or nothing was for long.
    const first = Math.min(...this.#seen.keys())
    const sent = this.#sent - last > HANGING ? this.#sent : last
    const answers = [...this.#seen.keys()].filter((seq) => seq <= sent).length
    const total = sent - first + 1
    return { what: this.#what, sent: total, lost: total - answers, before: this.#gaps(sent) }
  }

  #gaps(last: number): string[] {
    return [...this.#seen]
      .filter(([number]) => number < last && !this.#seen.has(number + 1))
      .slice(0, 5)
      .map(([, at]) => new Date(at).toISOString().slice(11, 23))
  }

  /** `64 bytes from … icmp_seq=7 …`; the last line but one is `8 packets transmitted, …`. */
  #read(line: string): void {
    const total = /^(\d+) packets transmitted/.exec(line)?.[1]
    if (total !== undefined) this.#sent = Number(total)
    const seq = /bytes from .* icmp_seq=(\d+)/.exec(line)?.[1]
    if (seq === undefined) return
    this.#note(Number(seq))
  }

  /** ICMP counts to 65,535 and then from 0 again. */
  #note(seq: number): void {
    const turn = Math.floor(this.#last / WRAP) * WRAP
    const near = [turn - WRAP, turn, turn + WRAP].map((base) => base + seq)
    const number = near.reduce((best, one) =>
      Math.abs(one - this.#last) < Math.abs(best - this.#last) ? one : best,
    )
    this.#seen.set(number, Date.now())
    if (number > this.#last) this.#last = number
  }
}

const WRAP = 65_536
/** Packets of a tenth of a second. */
const HANGING = 7
