/** dockerd of a swarm's node dies: nobody ever cleans up after it. */
import { awaitTasks, tasksOf } from '../lab/swarm.js'
import type { Backend } from './networks.js'
import type { Scenario } from './scenario.js'
import { type Stage, witness } from './stage.js'

const SERVICE = 'web'
const REPLICAS = 3
/** Swarm scope refuses the backends that route. */
const NETWORK: Backend = 'overlay'

async function createService(stage: Stage): Promise<void> {
  await stage
    .host(1)
    .docker([
      ...['service', 'create', '-d', '--no-resolve-image', '--name', SERVICE],
      ...['--network', NETWORK, '--endpoint-mode', 'dnsrr', '--replicas', `${REPLICAS}`],
      ...['--restart-delay', '1s', '--stop-grace-period', '0s', 'lab', 'sleep', '36000'],
    ])
  await awaitTasks(stage.lab, SERVICE, NETWORK, REPLICAS)
}

const killed: Scenario = {
  name: 'swarm-dockerd-killed',
  fault: "dockerd of a swarm's node killed (-9), started",
  setting: 'swarm',
  backends: [NETWORK],
  steady: [
    [2, 3],
    [3, 2],
  ],
  until: `${REPLICAS} tasks and the attached container of the node run, are reached`,
  limitMs: 120_000,
  prepare: createService,
  async play(stage) {
    await stage.host(1).dockerd.kill()
    stage.mark()
    await stage.host(1).dockerd.start()
  },
  async missing(stage) {
    const [one, two] = [stage.host(1), stage.host(2)]
    const tasks = await tasksOf(stage.lab, SERVICE, NETWORK)
    if (tasks.length !== REPLICAS) return [`${tasks.length} tasks`]
    return stage.unreached(two, witness(two), one, witness(one))
  },
  async restore(stage) {
    await stage.host(2).docker(['service', 'rm', SERVICE])
  },
}

export const SWARM_FAULTS: readonly Scenario[] = [killed]
