/** etcd is away, hangs, forgets. */
import { sleep } from '../lab/exec.js'
import type { Host } from '../lab/host.js'
import type { Scenario } from './scenario.js'
import { type Stage, witness } from './stage.js'

const ALL = [
  [1, 2],
  [3, 1],
  [2, 3],
] as const
const PORT = '2379'
const REACHED = 'what was started meanwhile is reached'

/** Two containers that the time without etcd finds running. */
async function before(stage: Stage): Promise<void> {
  for (const name of ['x0', 'x1']) await stage.run(stage.host(1), name)
}

/** What has to go without etcd: stop, remove, start from the host's own blocks. */
export async function lifeWithout(stage: Stage): Promise<void> {
  const host = stage.host(1)
  await stage.mustRemove(host, 'x0')
  await stage.mustRun(host, 'x2')
  await stage.mustRun(host, 'x3')
  await stage.mustRemove(host, 'x2')
  await stage.mustDo(host, ['restart', '-t', '0'], 'x1')
}

export async function reached(stage: Stage): Promise<readonly string[]> {
  const [host, other] = [stage.host(1), stage.host(2)]
  const names = ['x1', 'x3']
  const ways = names.map((name) => stage.unreached(other, witness(other), host, name))
  return (await Promise.all(ways)).flat()
}

/** A fault of etcd's with a container life of `seconds` in it. */
function without(
  name: string,
  fault: string,
  seconds: number,
  away: (stage: Stage) => Promise<void>,
  back: (stage: Stage) => Promise<void>,
): Scenario {
  return {
    name,
    fault,
    steady: ALL,
    until: REACHED,
    prepare: before,
    async play(stage) {
      const end = Date.now() + seconds * 1_000
      await away(stage)
      try {
        await lifeWithout(stage)
        await sleep(Math.max(0, end - Date.now()))
      } finally {
        stage.mark()
        await back(stage)
      }
    },
    missing: reached,
  }
}

/** Adds or removes a rule by which the store's machine drops packets without a word. */
export async function drop(stage: Stage, verb: '-A' | '-D', from?: Host): Promise<void> {
  const source = from === undefined ? [] : ['-s', from.address]
  const rule = ['INPUT', '-p', 'tcp', '--dport', PORT, ...source, '-j', 'DROP']
  await stage.lab.etcd.machine.sh(['iptables', '-w', verb, ...rule])
}

const down = without(
  'etcd-down',
  'etcd killed (-9), away for a minute',
  60,
  (stage) => stage.lab.etcd.kill(),
  (stage) => stage.lab.etcd.start(),
)

const hangs = without(
  'etcd-hangs',
  'etcd stands still for 20 s, connections open (SIGSTOP)',
  20,
  (stage) => stage.lab.etcd.pause(),
  (stage) => stage.lab.etcd.resume(),
)

const silent = without(
  'etcd-silent',
  'packets to etcd dropped for 30 s, connections never closed',
  30,
  (stage) => drop(stage, '-A'),
  (stage) => drop(stage, '-D'),
)

const restarted: Scenario = {
  name: 'etcd-restarted',
  fault: 'etcd restarted three times while containers come and go',
  steady: ALL,
  until: REACHED,
  prepare: before,
  async play(stage) {
    for (let round = 0; round < 3; round += 1) {
      await stage.lab.etcd.stop()
      await stage.lab.etcd.start()
      if (round === 0) await lifeWithout(stage)
    }
    stage.mark()
  },
  missing: reached,
}

/** Revision of the store now. */
async function revision(stage: Stage): Promise<string> {
  const { stdout } = await stage.lab.etcd.ctl(['get', 'nothing', '-w', 'json'])
  return `${(JSON.parse(stdout) as { header: { revision: number } }).header.revision}`
}

const compacted: Scenario = {
  name: 'etcd-compacted',
  fault: 'a host cut off from etcd for 20 s; changes meanwhile are compacted away',
  steady: ALL,
  until: 'it knows what was started meanwhile, and what is gone',
  prepare: before,
  async play(stage) {
    const blind = stage.host(2)
    await drop(stage, '-A', blind)
    try {
      await lifeWithout(stage)
      await stage.lab.etcd.ctl(['compact', '--physical', await revision(stage)])
      await sleep(20_000)
    } finally {
      stage.mark()
      await drop(stage, '-D', blind)
    }
  },
  missing: reached,
}

const BACKUP = '/var/lib/etcd/backup.db'
const DATA = '/var/lib/etcd/data'

const restored: Scenario = {
  name: 'etcd-restored',
  fault: 'etcd restored from a backup older than containers that came and went',
  steady: ALL,
  until: 'containers newer than the backup are reached; those older and gone are not known',
  limitMs: 90_000,
  prepare: before,
  async play(stage) {
    const { etcd } = stage.lab
    await etcd.ctl(['snapshot', 'save', BACKUP])
    await lifeWithout(stage)
    await stage.mustRun(stage.host(3), 'x4')
    await etcd.kill()
    await etcd.machine.sh(['rm', '-rf', DATA])
    const cluster = ['--name', 'lab', '--initial-cluster', 'lab=http://localhost:2380']
    await etcd.ctl(['snapshot', 'restore', BACKUP, ...cluster, '--data-dir', DATA])
    await etcd.machine.sh(['rm', BACKUP])
    stage.mark()
    await etcd.start()
  },
  missing: async (stage) => [
    ...(await reached(stage)),
    ...(await stage.unreached(stage.host(1), 'x3', stage.host(3), 'x4')),
  ],
}

export const ETCD_FAULTS: readonly Scenario[] = [
  down,
  restarted,
  hangs,
  silent,
  compacted,
  restored,
]
