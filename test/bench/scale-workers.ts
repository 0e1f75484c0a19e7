/** The processes of `make bench-scale` that the simulated agents run in. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Order, Report } from './scale-worker.js'
import type { World } from './scale-world.js'

const WORKER = fileURLToPath(new URL('./scale-worker.ts', import.meta.url))
export const AGENTS_OF_WORKER = 50

/** Worker processes with the agents of a world. */
export class Workers {
  readonly #children: readonly ChildProcess[]

  constructor(world: World, endpoint: string) {
    const count = Math.ceil(world.hosts / AGENTS_OF_WORKER)
    this.#children = Array.from({ length: count }, (_, index) => {
      const child = fork(WORKER, [], { execArgv: ['--import', 'tsx'] })
      const from = index * AGENTS_OF_WORKER
      const to = Math.min(from + AGENTS_OF_WORKER, world.hosts)
      child.send({ world, from, to, endpoint } satisfies Order)
      return child
    })
  }

  /** The next report of each. @throws Error if one has ended */
  reports(): Promise<readonly Report[]> {
    return Promise.all(this.#children.map(reportOf))
  }

  ask(): Promise<readonly Report[]> {
    const answers = this.reports()
    for (const child of this.#children) child.send('report')
    return answers
  }

  async end(): Promise<void> {
    const exits = this.#children.map((child) =>
      child.exitCode === null ? once(child, 'exit') : [],
    )
    // Not a signal: they have folders to remove.
    for (const child of this.#children) if (child.connected) child.disconnect()
    await Promise.all(exits)
  }
}

/** @throws Error if it ends before it has answered */
async function reportOf(child: ChildProcess): Promise<Report> {
  const answered = new AbortController()
  const { signal } = answered
  const ended = once(child, 'exit', { signal }).then(() => {
    throw new Error('agents ended by themselves')
  })
  try {
    const [report] = await Promise.race([once(child, 'message', { signal }), ended])
    return report as Report
  } finally {
    // the other of both rejects, and nobody waits for it any more
    ended.catch(() => undefined)
    answered.abort()
  }
}
