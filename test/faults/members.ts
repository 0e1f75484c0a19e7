/** One member of a cluster of three etcds fails. */
import { waitFor } from '../lab/exec.js'
import { lifeWithout, reached } from './etcd.js'
import * as cluster from './etcd-members.js'
import type { Scenario } from './scenario.js'
import type { Stage } from './stage.js'

const ALL = [
  [1, 2],
  [3, 1],
  [2, 3],
] as const
const JUNK = 3_000

async function before(stage: Stage): Promise<void> {
  for (const name of ['x0', 'x1']) await stage.run(stage.host(1), name)
}

async function restart(stage: Stage, member: cluster.Member): Promise<void> {
  if (!(await cluster.isRunning(stage.lab, member))) await cluster.launch(stage.lab, member)
  await cluster.awaitHealthy(stage.lab, member)
}

const leader: Scenario = {
  name: 'etcd-leader-killed',
  fault: 'leader of three etcds killed (-9)',
  setting: 'members',
  steady: ALL,
  until: 'what was started afterwards is reached',
  prepare: before,
  async play(stage) {
    const member = await cluster.leaderOf(stage.lab)
    stage.say(`the leader is ${member}`)
    stage.mark()
    await cluster.kill(stage.lab, member)
    await lifeWithout(stage)
  },
  missing: reached,
  async restore(stage) {
    for (const member of cluster.MEMBERS) await restart(stage, member)
  },
}

/** Writes until the member has no room left and ends. */
async function fill(stage: Stage): Promise<void> {
  const { machine } = stage.lab.etcd
  const file = `${cluster.dataOf(cluster.SMALL)}/filler`
  await machine.sh(['sh', '-c', `dd if=/dev/zero of=${file} bs=64k 2>/dev/null || true`])
  const others = cluster.MEMBERS.filter((one) => one !== cluster.SMALL)
  const urls = others.map((one) => cluster.clientUrl(stage.lab, one)).join(',')
  const put = `ETCDCTL_API=3 etcdctl --endpoints=${urls} put /junk/$i $(head -c 40000 /dev/zero | tr '\\0' x)`
  const alive = `pgrep -f '^etcd --name ${cluster.SMALL} '`
  const loop = `i=0; while ${alive} >/dev/null && [ $i -lt ${JUNK} ]; do i=$((i+1)); ${put} >/dev/null; done; echo $i`
  const { stdout } = await machine.sh(['sh', '-c', loop], { timeoutMs: 120_000 })
  stage.say(`the member with the full disk ended after ${stdout.trim()} writes`)
  await waitFor('end of the member with the full disk', 5_000, async () =>
    (await cluster.isRunning(stage.lab, cluster.SMALL)) ? undefined : true,
  )
}

const diskFull: Scenario = {
  name: 'etcd-disk-full',
  fault: 'disk full on one of three etcds, which ends; room made, started',
  setting: 'members',
  steady: ALL,
  until: 'the member is healthy, what was started meanwhile is reached',
  prepare: before,
  async play(stage) {
    await fill(stage)
    await lifeWithout(stage)
    await stage.lab.etcd.machine.sh(['rm', '-f', `${cluster.dataOf(cluster.SMALL)}/filler`])
    stage.mark()
    await cluster.launch(stage.lab, cluster.SMALL)
  },
  async missing(stage) {
    const healthy = await cluster.isHealthy(stage.lab, cluster.SMALL)
    return healthy ? reached(stage) : [`${cluster.SMALL} is not healthy`]
  },
  async restore(stage) {
    await stage.lab.etcd.ctl(['del', '--prefix', '/junk/'])
  },
}

export const MEMBER_FAULTS: readonly Scenario[] = [leader, diskFull]
