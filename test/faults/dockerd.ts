/** dockerd dies or is restarted, with and without live-restore. */
import type { Host } from '../lab/host.js'
import type { Scenario } from './scenario.js'
import { containerOf, type Stage, witness } from './stage.js'

const POLICIES = {
  x0: 'unless-stopped',
  x1: 'on-failure',
  x2: 'no',
} as const

/** One container of each restart policy; the witness has `always`. */
export async function runPolicies(stage: Stage): Promise<void> {
  for (const [name, policy] of Object.entries(POLICIES)) {
    await stage.run(stage.host(1), name, ['--restart', policy])
  }
}

/** Which of those wanted does not run, and which of those that run is not reached. */
export async function missingOf(
  stage: Stage,
  wanted: readonly string[],
): Promise<readonly string[]> {
  const [host, other] = [stage.host(1), stage.host(2)]
  const { stdout } = await host.docker(['ps', '--format', '{{.Names}}'], { timeoutMs: 10_000 })
  const runs = stdout.split('\n').filter(Boolean)
  const isEverywhere = (name: string): boolean =>
    stage.networks.every((network) => runs.includes(containerOf(name, network)))
  const all = [witness(host), ...wanted]
  const dead = all.filter((name) => !isEverywhere(name))
  if (dead.length > 0) return [`h1 runs ${runs.sort().join(' ')}, not each ${dead.join(' ')}`]
  const ways = all.map((name) => stage.unreached(other, witness(other), host, name))
  return (await Promise.all(ways)).flat()
}

const RUN_AGAIN = 'containers with a restart policy run again, are reached'

/**
 * dockerd ends without live-restore and comes again.
 * @param back containers of h1 that its restart policies bring back
 */
function ends(
  fault: Pick<Scenario, 'name' | 'fault'>,
  end: (host: Host) => Promise<void>,
  back: readonly string[],
): Scenario {
  return {
    ...fault,
    steady: [
      [2, 3],
      [3, 2],
    ],
    until: RUN_AGAIN,
    async play(stage) {
      const host = stage.host(1)
      await runPolicies(stage)
      await end(host)
      stage.mark()
      await host.dockerd.start()
    },
    missing: (stage) => missingOf(stage, back),
  }
}

// The new dockerd kills what runs, calls that stopped by hand, and leaves unless-stopped at that.
const killed = ends(
  { name: 'dockerd-killed', fault: 'dockerd killed (-9), started; no live-restore' },
  (host) => host.dockerd.kill(),
  ['x1'],
)

const restarted = ends(
  {
    name: 'dockerd-restarted',
    fault: 'dockerd stopped (SIGTERM) and started; no live-restore',
  },
  (host) => host.dockerd.stop(),
  ['x0', 'x1'],
)

const liveRestore: Scenario = {
  name: 'dockerd-killed-live-restore',
  fault: 'dockerd with live-restore killed (-9); meanwhile a container ends; started',
  steady: [
    [1, 2],
    [3, 1],
    [2, 3],
  ],
  until: 'containers run on, the one that ended is gone, a new one is reached',
  async prepare(stage) {
    const host = stage.host(1)
    await host.dockerd.stop()
    await host.dockerd.start(['--live-restore'])
    await stage.prepare()
    await stage.run(host, 'x0')
    await stage.run(host, 'x1')
  },
  async play(stage) {
    const host = stage.host(1)
    const ending = stage.networks.map((network) => containerOf('x1', network))
    const { stdout } = await host.docker(['inspect', '-f', '{{.State.Pid}}', ...ending])
    await host.dockerd.kill()
    await host.sh(['kill', '-9', ...stdout.trim().split('\n')])
    stage.mark()
    await host.dockerd.start()
    await stage.mustRun(host, 'x3')
  },
  missing: (stage) => missingOf(stage, ['x0', 'x3']),
  async restore(stage) {
    const host = stage.host(1)
    await host.dockerd.stop()
    await host.dockerd.start([])
    await stage.prepare()
  },
}

export const DOCKERD_FAULTS: readonly Scenario[] = [killed, restarted, liveRestore]
