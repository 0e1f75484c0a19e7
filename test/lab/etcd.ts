import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type RunResult, waitFor } from './exec.js'
import type { Machine } from './machine.js'
import { machineDir } from './names.js'

const READY_TIMEOUT_MS = 20_000

/** The store's machine: one etcd beside the hosts, with a cable of its own. */
export class LabEtcd {
  readonly machine: Machine
  /** What the plugin's STORE takes. */
  readonly endpoint: string
  /** Whom `ctl` asks; its own service unless told. */
  ctlEndpoints: readonly string[] = []

  constructor(machine: Machine) {
    this.machine = machine
    this.endpoint = `http://${machine.address}:2379`
  }

  async boot(): Promise<void> {
    await this.machine.boot()
    await this.#ready()
  }

  /** Returns when it answers. @throws LabError if it runs already. */
  async start(): Promise<void> {
    await this.machine.service.start()
    await this.#ready()
  }

  async stop(): Promise<void> {
    await this.machine.service.stop()
  }

  async kill(): Promise<void> {
    await this.machine.service.kill()
  }

  /** It hangs: connections stay open and nothing answers. */
  async pause(): Promise<void> {
    await this.machine.service.pause()
  }

  async resume(): Promise<void> {
    await this.machine.service.resume()
  }

  /** Loses all data: kills it, empties its disk, and starts it again if it was running. */
  async wipe(): Promise<void> {
    const wasRunning = await this.machine.service.isRunning()
    await this.machine.service.kill()
    const disk = join(machineDir(this.machine.name), 'disk')
    for (const name of await readdir(disk)) {
      await rm(join(disk, name), { recursive: true, force: true })
    }
    if (wasRunning) await this.start()
  }

  /** `etcdctl …` against it. @throws LabError as `sh` does. */
  ctl(argv: readonly string[]): Promise<RunResult> {
    const asked = this.ctlEndpoints
    const env = {
      ETCDCTL_API: '3',
      ...(asked.length === 0 ? {} : { ETCDCTL_ENDPOINTS: asked.join(',') }),
    }
    return this.machine.sh(['etcdctl', '--command-timeout=5s', ...argv], { env })
  }

  async #ready(): Promise<void> {
    await waitFor('etcd: answer', READY_TIMEOUT_MS, async () => {
      try {
        const answer = await fetch(`${this.endpoint}/health`, {
          signal: AbortSignal.timeout(1_000),
        })
        return answer.ok ? true : undefined
      } catch {
        return undefined
      }
    })
  }
}
