/** The processes that the hosts of cluster.ts run in. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { HOSTS } from './cluster.js'
import type { Order } from './cluster-worker.js'

const WORKER = fileURLToPath(new URL('./cluster-worker.ts', import.meta.url))
const HOSTS_OF_WORKER = 50

export class ClusterWorkers {
  readonly #children: ChildProcess[] = []

  /** One process after the other. @throws Error if one ends before its hosts run */
  async start(endpoint: string): Promise<void> {
    for (let from = 0; from < HOSTS; from += HOSTS_OF_WORKER) {
      const child = fork(WORKER, [], { execArgv: ['--import', 'tsx'] })
      this.#children.push(child)
      const to = Math.min(from + HOSTS_OF_WORKER, HOSTS)
      child.send({ from, to, endpoint } satisfies Order)
      const first = await Promise.race([once(child, 'message'), once(child, 'exit')])
      if (first[0] !== 'ready') throw new Error('hosts of the cluster ended by themselves')
    }
  }

  /** Returns when their hosts have taken leave of the store. */
  async end(): Promise<void> {
    const running = this.#children.filter((child) => child.exitCode === null)
    const exits = running.map((child) => once(child, 'exit'))
    // Not a signal: they have folders to remove.
    for (const child of running) child.disconnect()
    await Promise.all(exits)
  }
}
