import type { RunOptions, RunResult } from './exec.js'
import { waitFor } from './exec.js'
import { INSIDE_DIR, LabError } from './names.js'

/** What a service needs of the machine that it runs on. */
interface Place {
  readonly name: string
  sh(argv: readonly string[], options?: RunOptions): Promise<RunResult>
}

/** dockerd asked to stop may take 15 s for its containers, and 10 s for plugins. */
const STOP_TIMEOUT_MS = 60_000

/**
 * The one daemon of a machine. A pid counts only while the process that has it carries the
 * daemon's name: the file that holds it outlives the daemon.
 */
export class Service {
  readonly #place: Place
  readonly #command: string

  constructor(place: Place, command: string) {
    this.#place = place
    this.#command = command
  }

  async isRunning(): Promise<boolean> {
    return (await this.#withPid('true')).code === 0
  }

  /**
   * Has init start it; returns when its process is there, not when it answers.
   * @param args replaces its further arguments, now and for later boots.
   * @throws LabError if it runs already.
   */
  async start(args?: readonly string[]): Promise<void> {
    if (await this.isRunning())
      throw new LabError(`${this.#place.name}: ${this.#command} runs already`)
    if (args !== undefined) {
      const save = ['sh', '-c', `cat >${INSIDE_DIR}/service.args`]
      await this.#place.sh(save, { input: args.join(' ') })
    }
    await this.#place.sh(['sh', '-c', 'rm -f /run/service.pid; echo start >/run/init'])
    await waitFor(`${this.#place.name}: start of ${this.#command}`, 10_000, async () =>
      (await this.isRunning()) ? true : undefined,
    )
  }

  /** SIGTERM, and waits for its end. Not running is success. */
  async stop(): Promise<void> {
    await this.#end('TERM')
  }

  /** SIGKILL, and waits for its end. Not running is success. */
  async kill(): Promise<void> {
    await this.#end('KILL')
  }

  /** SIGSTOP: connections stay open and nobody answers. @throws LabError if it does not run. */
  async pause(): Promise<void> {
    await this.#signal('STOP')
  }

  async resume(): Promise<void> {
    await this.#signal('CONT')
  }

  /** A paused process takes SIGTERM only once it is resumed. */
  async #end(name: 'TERM' | 'KILL'): Promise<void> {
    const wait = 'while [ -d /proc/$p ]; do sleep 0.05; done'
    const result = await this.#withPid(`kill -${name} $p; kill -CONT $p; ${wait}`)
    if (result.code === 0 || !(await this.isRunning())) return
    throw new LabError(`${this.#place.name}: ${this.#command} does not end: ${result.stderr}`)
  }

  async #signal(name: 'STOP' | 'CONT'): Promise<void> {
    const { code } = await this.#withPid(`kill -${name} $p`)
    if (code !== 0) throw new LabError(`${this.#place.name}: ${this.#command} does not run`)
  }

  /** Runs a piece of shell with the service's pid in `$p`; fails if it does not run. */
  #withPid(script: string): Promise<RunResult> {
    const find = `p=$(cat /run/service.pid) && [ "$(cat /proc/$p/comm)" = ${this.#command} ]`
    return this.#place.sh(['sh', '-c', `${find} || exit 1; ${script}`], {
      check: false,
      timeoutMs: STOP_TIMEOUT_MS,
    })
  }
}
