/**
 * What the agent costs a host: its start, its memory, its idle CPU, and how fast many remote
 * endpoints are in the kernel. The endpoints are on hosts that exist in the store only.
 */
import { sleep } from '../lab/exec.js'
import type { Host } from '../lab/host.js'
import { createNetwork, PLUGIN, runSleeper, sandboxOf } from '../lab/tsoverlay.js'
import type { Bench, Measurement, Row } from './measurement.js'
import { inhabitant, lastOfEach, Population } from './population.js'
import {
  assertCount,
  batch,
  cpuOf,
  emptyKernel,
  neighboursOfMachine,
  residentOf,
  untilThere,
} from './remote.js'
import { median, timed } from './statistics.js'

const POOL = '10.64.0.0/12'
const SIZES = [10_000, 100_000] as const
const ROUNDS: Readonly<Record<number, number>> = { 10000: 7, 100000: 3 }
const RESIDENT: Readonly<Record<number, number>> = { 0: 90, 10000: 110, 100000: 250 }
const BURST = 1_000
const NETWORKS = 20
const IDLE_S = 60
/** V8 gives back what a first list has left behind when it collects at leisure, some 10 s later. */
const COLLECTED_MS = 20_000

const plugin = (host: Host, ...argv: readonly string[]) =>
  host.docker(['plugin', ...argv, PLUGIN], { timeoutMs: 120_000 })

async function starts(host: Host): Promise<Row> {
  const took: number[] = []
  for (let round = 0; round < 7; round += 1) {
    await plugin(host, 'disable', '-f')
    took.push((await timed(() => plugin(host, 'enable'))).ms)
  }
  return {
    what: 'docker plugin enable until the socket answers',
    unit: 'ms',
    ours: median(took),
    goal: { is: '<=', value: 1_000 },
  }
}

async function resident(host: Host, count: number): Promise<Row> {
  await sleep(COLLECTED_MS)
  return {
    what: `resident memory of the agent, ${count} remote endpoints`,
    unit: 'MB',
    ours: residentOf(host),
    goal: { is: '<=', value: RESIDENT[count] ?? 0 },
  }
}

/** Twenty networks with a container each, 10,000 endpoints among them, and nothing happens. */
async function idle(host: Host, population: Population, log: Bench['log']): Promise<Row> {
  const names = Array.from({ length: NETWORKS }, (_, at) => `idle${at}`)
  const pools = names.map((_, at) => `10.${130 + at}.0.0/16`)
  for (const [at, name] of names.entries()) {
    await createNetwork(host, name, ['--subnet', pools[at] ?? ''])
  }
  try {
    await runSleeper(host, 'idle', names[0] ?? '')
    for (const name of names.slice(1)) await host.docker(['network', 'connect', name, 'idle'])
    const known = await population.networks()
    const share = Array.from({ length: SIZES[0] / NETWORKS }, (_, at) => at)
    for (const pool of pools) {
      await population.put(share.map((at) => inhabitant(known.get(pool) ?? '', pool, at)))
    }
    await sleep(COLLECTED_MS)
    log(`idle for ${IDLE_S} s`)
    const before = cpuOf(host)
    await sleep(IDLE_S * 1_000)
    return {
      what: `CPU of an idle agent, ${NETWORKS} networks, ${SIZES[0]} endpoints, of one core`,
      unit: '%',
      ours: (100 * (cpuOf(host) - before)) / IDLE_S,
      goal: { is: '<=', value: 0.5 },
    }
  } finally {
    await host.docker(['rm', '-f', 'idle'], { check: false })
    for (const name of names) await host.docker(['network', 'rm', name], { check: false })
    await population.clear()
  }
}

/** From an empty kernel to a complete one, with the plugin's start and without. */
async function cold(
  host: Host,
  sandbox: string,
  network: string,
  count: number,
): Promise<readonly Row[]> {
  const all = Array.from({ length: count }, (_, at) => inhabitant(network, POOL, at))
  const last = lastOfEach(all)
  const [whole, after, reference]: [number[], number[], number[]] = [[], [], []]
  for (let round = 0; round < (ROUNDS[count] ?? 1); round += 1) {
    await plugin(host, 'disable', '-f')
    await emptyKernel(host, sandbox)
    const enough = neighboursOfMachine() + count
    const before = performance.now()
    await plugin(host, 'enable')
    const enabled = performance.now()
    const there = await untilThere(host, sandbox, last, enough)
    await assertCount(host, sandbox, count)
    whole.push(there - before)
    after.push(there - enabled)
    reference.push(await batch(host, all))
  }
  const value = median(reference)
  const common = { unit: 'ms', reference: { name: 'ip -batch', value } } as const
  const goal = { is: '<=', value: 1.5 } as const
  return [
    { ...common, what: `cold start, ${count} endpoints, with plugin enable`, ours: median(whole) },
    {
      ...common,
      what: `cold start, ${count} endpoints, from the socket's answer`,
      ours: median(after),
      goal,
    },
  ]
}

/** From the first put, and from the answer to the last one, to the last neighbour in the kernel. */
async function burst(
  host: Host,
  sandbox: string,
  network: string,
  population: Population,
): Promise<readonly Row[]> {
  const [ours, after, reference]: [number[], number[], number[]] = [[], [], []]
  for (let round = 0; round < 8; round += 1) {
    const from = SIZES[0] + round * BURST
    const all = Array.from({ length: BURST }, (_, at) => inhabitant(network, POOL, from + at))
    const enough = neighboursOfMachine() + BURST
    const before = performance.now()
    await population.put(all)
    const written = performance.now()
    const there = await untilThere(host, sandbox, all, enough)
    const theirs = await batch(host, all)
    if (round === 0) continue
    ours.push(there - before)
    after.push(there - written)
    reference.push(theirs)
  }
  const common = {
    unit: 'ms',
    reference: { name: 'ip -batch', value: median(reference) },
  } as const
  return [
    { ...common, what: `${BURST} changes at once, from the first put on`, ours: median(ours) },
    {
      ...common,
      what: `${BURST} changes at once, from the store's last answer`,
      ours: median(after),
      goal: { is: '<=', value: 1.5 },
    },
  ]
}

async function measure({ lab, log }: Bench): Promise<readonly Row[]> {
  const host = lab.host(3)
  const population = new Population(lab.etcd.endpoint)
  const rows: Row[] = []
  const add = (...more: readonly Row[]): void => {
    for (const row of more) log(`${row.what}: ${row.ours.toFixed(1)} ${row.unit}`)
    rows.push(...more)
  }
  try {
    add(await starts(host))
    await createNetwork(host, 'many', ['--subnet', POOL])
    await runSleeper(host, 'many', 'many')
    const sandbox = await sandboxOf(host, 'many')
    const network = (await population.networks()).get(POOL) ?? ''
    add(await resident(host, 0))
    let present = 0
    for (const count of SIZES) {
      await population.hosts()
      const more = Array.from({ length: count - present }, (_, at) => present + at)
      await population.put(more.map((at) => inhabitant(network, POOL, at)))
      present = count
      const all = Array.from({ length: count }, (_, at) => inhabitant(network, POOL, at))
      await untilThere(host, sandbox, lastOfEach(all))
      add(...(await cold(host, sandbox, network, count)), await resident(host, count))
      if (count === SIZES[0]) {
        add(...(await burst(host, sandbox, network, population)))
        present += 8 * BURST
      }
    }
    await population.clear()
    await host.docker(['rm', '-f', 'many'])
    await plugin(host, 'disable', '-f')
    await plugin(host, 'enable')
    add(await idle(host, population, log))
    return rows
  } finally {
    await host.docker(['rm', '-f', 'many'], { check: false })
    await host.docker(['network', 'rm', 'many'], { check: false })
    await population.clear()
    population.close()
  }
}

export const agent: Measurement = {
  name: 'agent',
  title: 'start, memory, idle CPU of the agent, and thousands of remote endpoints',
  run: measure,
}
