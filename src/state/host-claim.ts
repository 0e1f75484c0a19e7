/**
 * Whether a host id is this machine's. A disk that was copied with /var/lib/docker has the id of the
 * machine that it was copied from, and both may run. So the gate of a host (fenced-store.ts) says which
 * machine wrote it: its boot, and marks that it keeps over a reboot. It is written by a transaction
 * that demands what was read, so of several machines one gets it; the others take another id.
 *
 * Who runs has it, not who had it first: nobody can tell the two disks apart. Marks alone decide
 * nothing either, as hardware and addresses change. What decides is that another machine is alive.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { TsoverlayError } from '../core/errors.js'
import type { Entry, Guard, Store } from '../core/ports.js'
import type { HostId } from '../core/types.js'
import { keys } from './keys.js'

/** Longer than a host takes from its gate to the announcement that it is alive. */
const CONFIRM_MS = 3_000

/** What a gate says of who wrote it. */
export interface Machine {
  readonly boot: string
  /** underlay address and MAC; empty when a version without them wrote it, or not known yet */
  readonly marks: readonly string[]
}

/** `unsure`: nobody is alive, but it was another machine's; `unknown`: this one's marks are needed. */
export type Verdict = 'ours' | 'unsure' | 'unknown' | 'foreign'

export interface Evidence {
  readonly self: Machine
  /** who wrote the gate last */
  readonly gate: Machine | undefined
  /** boot that is announced as alive */
  readonly alive: string | undefined
  /** the same boot wrote the gate again after this machine had taken it */
  readonly wroteAgain: boolean
}

/** Pure, so that every case can be tested. */
export function judge({ self, gate, alive, wroteAgain }: Evidence): Verdict {
  if (gate === undefined || gate.boot === self.boot) return 'ours'
  // A machine that was rebooted does not write as its former boot.
  if (wroteAgain) return 'foreign'
  if (gate.marks.length === 0 || self.marks.some((mark) => gate.marks.includes(mark))) return 'ours'
  const isAlive = alive !== undefined && alive !== self.boot
  if (self.marks.length === 0) return isAlive ? 'unknown' : 'ours'
  return isAlive ? 'foreign' : 'unsure'
}

/** With what the gate is written. */
export interface Right {
  readonly guards: readonly Guard[]
  readonly value: string
}

export interface HostClaimOptions {
  readonly host: HostId
  readonly boot: string
  readonly marks: () => Promise<readonly string[]>
  /** Told, each time, when the id is another machine's. */
  readonly onForeign: (by: Machine) => void
  readonly confirmMs?: number
}

/** What a fenced store asks before it writes the gate. */
export class HostClaim {
  readonly #options: HostClaimOptions
  /** boots whose gate this machine has replaced */
  readonly #replaced = new Set<string>()
  #revision = 0

  constructor(options: HostClaimOptions) {
    this.#options = options
  }

  /**
   * Looks who has the id.
   * @returns guards and value for writing the gate
   * @throws TsoverlayError HOST_CLONED when another machine has it, UNDERLAY_UNKNOWN when that cannot
   * be told yet, STORE_UNAVAILABLE
   */
  async look(store: Store): Promise<Right> {
    const first = await this.#judged(store)
    if (first.verdict !== 'unsure') return first.take()
    // A machine that starts at this moment announces itself by then.
    await sleep(this.#options.confirmMs ?? CONFIRM_MS)
    return (await this.#judged(store)).take()
  }

  /** What is in the store now; `take` goes by it. @throws TsoverlayError HOST_CLONED, UNDERLAY_UNKNOWN */
  async #judged(store: Store): Promise<{ readonly verdict: Verdict; readonly take: () => Right }> {
    const { host, boot, marks } = this.#options
    const self: Machine = { boot, marks: await marks() }
    const key = keys.hostGate(host)
    const [entry, alive] = [await store.get(key), await store.get(keys.alive(host))]
    const gate = entry && parseMachine(entry.value)
    const wroteAgain = this.#wroteAgain(gate, entry)
    const verdict = judge({ self, gate, alive: alive && bootOf(alive.value), wroteAgain })
    if (verdict === 'unknown') throw unknownError()
    if (verdict === 'foreign' && gate !== undefined) throw this.#foreign(gate)
    const take = (): Right => {
      if (entry === undefined)
        return { guards: [{ key, is: 'absent' }], value: JSON.stringify(self) }
      if (gate !== undefined && gate.boot !== boot) this.#replaced.add(gate.boot)
      const guard: Guard = { key, is: 'unchanged', revision: entry.revision }
      return { guards: [guard], value: JSON.stringify(self) }
    }
    return { verdict, take }
  }

  /** A backup of the store brings old gates back, at old revisions. */
  #wroteAgain(gate: Machine | undefined, entry: Entry | undefined): boolean {
    const isReplaced = gate !== undefined && this.#replaced.has(gate.boot)
    return isReplaced && (entry?.revision ?? 0) > this.#revision
  }

  /** The gate was written, at this revision. */
  written(revision: number): void {
    this.#revision = revision
  }

  #foreign(by: Machine): TsoverlayError {
    this.#options.onForeign(by)
    const where = by.marks.length === 0 ? '' : ` (${by.marks.join(', ')})`
    return new TsoverlayError(
      'HOST_CLONED',
      `the id ${this.#options.host} of this host is in use on another machine${where}, so one of the two disks is a copy of the other: this host takes an id of its own`,
    )
  }
}

function unknownError(): TsoverlayError {
  return new TsoverlayError(
    'UNDERLAY_UNKNOWN',
    'whether the id of this host is its own is not known before its underlay address is',
  )
}

/** Versions before this one wrote nothing but the boot. */
export function parseMachine(text: string): Machine {
  try {
    const { boot, marks } = JSON.parse(text) as Partial<Machine>
    const all = Array.isArray(marks) ? marks.filter((mark) => typeof mark === 'string') : []
    if (typeof boot === 'string') return { boot, marks: all }
  } catch {
    // not JSON
  }
  return { boot: text, marks: [] }
}

function bootOf(text: string): string | undefined {
  try {
    const { boot } = JSON.parse(text) as { boot?: unknown }
    return typeof boot === 'string' ? boot : undefined
  } catch {
    return undefined
  }
}
