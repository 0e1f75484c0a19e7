/** The sandboxes of a process, by name. One that holds nothing after a call is forgotten. */
import { join } from 'node:path'
import type { Place, Plan } from '../../core/plan.js'
import type { ApplyResult } from '../../core/ports.js'
import { failureOf, kernelFailed } from '../failure.js'
import { isSandboxName } from './marks.js'
import { listNetns } from './netns.js'
import { Sandbox } from './sandbox.js'
import type { Shared } from './scope.js'

export class Sandboxes {
  readonly #directory: string
  readonly #shared: Shared
  readonly #sandboxes = new Map<Place, Sandbox>()

  /** @param directory of their files */
  constructor(directory: string, shared: Shared) {
    this.#directory = directory
    this.#shared = shared
  }

  /** Never rejects. */
  async apply(plan: Plan): Promise<ApplyResult> {
    try {
      return await this.#with(plan.place, (sandbox) => sandbox.apply(plan))
    } catch (error) {
      const failures = [failureOf({ in: 'place', name: plan.place }, error)]
      return { written: 0, drift: 0, failures }
    }
  }

  /** No file of another name is ever made, so there is none to remove. @throws TsoverlayError KERNEL_FAILED */
  async remove(name: Place): Promise<void> {
    if (isSandboxName(name)) await this.#with(name, (sandbox) => sandbox.remove())
  }

  queueResync(name: Place): void {
    this.#sandboxes.get(name)?.queueResync()
  }

  /** Those in the kernel that are of our making. @throws TsoverlayError KERNEL_FAILED */
  async list(): Promise<readonly string[]> {
    const found: string[] = []
    for (const name of listNetns(this.#directory).filter(isSandboxName)) {
      if (await this.#with(name, (sandbox) => sandbox.isOurs())) found.push(name)
    }
    return found
  }

  /** Looks for what the kernel gives no notice of. */
  check(): void {
    for (const sandbox of this.#sandboxes.values()) sandbox.check()
  }

  async close(): Promise<void> {
    await Promise.all([...this.#sandboxes.values()].map((sandbox) => sandbox.close()))
    this.#sandboxes.clear()
  }

  async #with<T>(name: Place, call: (of: Sandbox) => Promise<T>): Promise<T> {
    const sandbox = this.#of(name)
    try {
      return await call(sandbox)
    } finally {
      if (sandbox.idle && !sandbox.attached) this.#sandboxes.delete(name)
    }
  }

  /** @throws TsoverlayError KERNEL_FAILED for what could be another file */
  #of(name: Place): Sandbox {
    if (!isSandboxName(name)) {
      const reason = 'a sandbox is named "1-" and ten lower-case letters or digits'
      throw kernelFailed(`sandbox ${JSON.stringify(name)}`, reason)
    }
    const path = join(this.#directory, name)
    const sandbox = this.#sandboxes.get(name) ?? new Sandbox(name, path, this.#shared)
    this.#sandboxes.set(name, sandbox)
    return sandbox
  }
}
