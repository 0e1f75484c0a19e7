/** All hosts and etcd lose their power; the hosts are back long before etcd is. */
import { sleep } from '../lab/exec.js'
import type { Host } from '../lab/host.js'
import type { Backend } from './networks.js'
import type { Scenario } from './scenario.js'
import { containerOf, type Stage, witness } from './stage.js'

/** Seconds that the hosts are alone. */
const ALONE_S = 40
const SIZE = 64

/** The containers, each with the host that it is on, and the block that its `--ip` is of. */
const CONTAINERS: readonly { name: string; on: number; of?: number }[] = [
  { name: 'x0', on: 1 },
  { name: 'x1', on: 1, of: 1 },
  { name: 'x2', on: 1, of: 2 },
  { name: 'x3', on: 2, of: 3 },
  { name: 'x4', on: 3, of: 3 },
]

/** An address in the middle of the block that a host's witness has its own of. */
async function inBlockOf(
  stage: Stage,
  network: Backend,
  host: Host,
  offset: number,
): Promise<string> {
  const own = (await stage.addressOf(host, witness(host), network)).split('.').map(Number)
  const last = Math.floor((own[3] ?? 0) / SIZE) * SIZE + SIZE / 2 + offset
  return [...own.slice(0, 3), last].join('.')
}

async function start(stage: Stage): Promise<void> {
  for (const [at, { name, on, of }] of CONTAINERS.entries()) {
    const fixed = new Map<Backend, string[]>()
    await stage.each(async (network) => {
      if (of === undefined) return
      fixed.set(network, ['--ip', await inBlockOf(stage, network, stage.host(of), at)])
    })
    await stage.run(stage.host(on), name, (network) => [
      ...['--restart', 'always'],
      ...(fixed.get(network) ?? []),
    ])
  }
}

/** Which containers do not run. */
async function stopped(stage: Stage): Promise<string[]> {
  const looks = CONTAINERS.map(({ name, on }) =>
    stage.each(async (network) => {
      const format = '{{.State.Status}} {{.State.Error}}'
      const inspect = ['inspect', '-f', format, containerOf(name, network)]
      const text = (await stage.host(on).docker(inspect, { timeoutMs: 20_000 })).stdout.trim()
      return text === 'running' ? [] : [`h${on}/${containerOf(name, network)} is ${text}`]
    }),
  )
  return (await Promise.all(looks)).flat(2)
}

async function addresses(stage: Stage): Promise<string[]> {
  const fixed = CONTAINERS.filter(({ of }) => of !== undefined)
  const looks = fixed.map(({ name, on }) =>
    stage.each(async (network) => {
      const address = await stage.addressOf(stage.host(on), name, network)
      return `${containerOf(name, network)} ${address}`
    }),
  )
  return (await Promise.all(looks)).flat()
}

const all: Scenario = {
  name: 'power-loss-of-all',
  fault: `power loss of all hosts and etcd; etcd comes back ${ALONE_S} s after the hosts`,
  steady: [],
  until: 'all containers are reached by others, with the address of --ip',
  limitMs: 120_000,
  async play(stage) {
    const { etcd, hosts } = stage.lab
    await start(stage)
    const before = await addresses(stage)
    await etcd.kill()
    await Promise.all(hosts.map((host) => host.powerOff()))
    await Promise.all(hosts.map((host) => host.boot()))
    const end = Date.now() + ALONE_S * 1_000
    let down = await stopped(stage)
    while (down.length > 0 && Date.now() < end) {
      await sleep(500)
      down = await stopped(stage)
    }
    for (const each of down) stage.problem(`without etcd ${each}`)
    const after = await addresses(stage)
    if (before.join() !== after.join()) stage.problem(`had ${before}, have ${after}`)
    await sleep(Math.max(0, end - Date.now()))
    stage.mark()
    await etcd.start()
  },
  async missing(stage) {
    const down = await stopped(stage)
    if (down.length > 0) return down
    const ways = CONTAINERS.map(({ name, on }) => {
      const from = stage.host((on % 3) + 1)
      return stage.unreached(from, witness(from), stage.host(on), name)
    })
    return (await Promise.all(ways)).flat()
  },
}

export const BLACKOUTS: readonly Scenario[] = [all]
