/** A client in a container's network namespace that asks its resolver for names (asker.ts). */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Host } from '../lab/host.js'

const ASKER = fileURLToPath(new URL('./asker.ts', import.meta.url))

export class Asker {
  readonly #child: ChildProcess
  readonly #lines: AsyncIterator<string>

  /** @param container that runs */
  static async in(host: Host, container: string): Promise<Asker> {
    const { stdout } = await host.docker(['inspect', '-f', '{{.State.Pid}}', container])
    const asker = new Asker(host.path(`/proc/${stdout.trim()}/ns/net`))
    await asker.#next()
    return asker
  }

  private constructor(netns: string) {
    const node = [process.execPath, '--import', 'tsx', ASKER]
    const child = spawn('nsenter', [`--net=${netns}`, ...node], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    this.#child = child
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  }

  /** @returns how long each of so many questions took, one after the other (µs) */
  async times(name: string, count: number): Promise<readonly number[]> {
    return (await this.#do(`time ${name} ${count}`)) as number[]
  }

  /** @param window questions on their way at once. @returns answers a second */
  async rate(name: string, ms: number, window: number): Promise<number> {
    return ((await this.#do(`rate ${name} ${ms} ${window}`)) as number) / (ms / 1_000)
  }

  /** Asks until the name has an address. @returns when, on the clock of process.hrtime.bigint() */
  async until(name: string): Promise<bigint> {
    return BigInt((await this.#do(`until ${name}`)) as string)
  }

  async end(): Promise<void> {
    if (this.#child.exitCode !== null) return
    this.#child.stdin?.end()
    await once(this.#child, 'exit')
  }

  async #do(task: string): Promise<unknown> {
    this.#child.stdin?.write(`${task}\n`)
    return await this.#next()
  }

  async #next(): Promise<unknown> {
    const { value, done } = await this.#lines.next()
    if (done === true) throw new Error('the asking client has ended')
    return JSON.parse(value)
  }
}
