/**
 * `make bench-scale`: hundreds of agents on one real etcd. Each has two networks, of ten hosts each;
 * the events are addresses that move. Prints a table, and leaves it with plots in build/bench.
 *
 *   node --import tsx test/bench/scale.ts [HOSTS,…]
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Store, Write } from '../../src/core/ports.js'
import { keys } from '../../src/state/keys.js'
import { EtcdProcess, etcdVersion } from '../contract/etcd-process.js'
import { connect } from '../contract/real-store.js'
import { lineChart } from './plot.js'
import type { Order, Report } from './scale-worker.js'
import {
  CHUNK,
  endpointOf,
  hostOf,
  networksOf,
  probeOf,
  sharedNow,
  type World,
} from './scale-world.js'
import { quantile } from './statistics.js'
import { describe, surroundings } from './surroundings.js'

const WORKER = fileURLToPath(new URL('./scale-worker.ts', import.meta.url))
const OUT = 'build/bench'
const AGENTS_OF_WORKER = 50
/** Growth with hosts at 100 endpoints each, and with endpoints on 200 hosts. */
const WORLDS: readonly World[] = [
  { hosts: 50, endpoints: 5_000 },
  { hosts: 200, endpoints: 2_000 },
  { hosts: 200, endpoints: 20_000 },
  { hosts: 200, endpoints: 100_000 },
  { hosts: 1_000, endpoints: 100_000 },
]
/** Events a second that are tried, each for so long. */
const RATES = [20, 50, 100, 200, 400] as const
const RATE_S = 5
/** From this lag (ms, p99) on a rate is too much. */
const LAG_LIMIT = 500

interface Step {
  readonly rate: number
  /** events that agents have worked in, a second */
  readonly delivered: number
  readonly p50: number
  readonly p99: number
  /** of one core each, in the step (%) */
  readonly etcdCpu: number
  readonly agentsCpu: number
}

interface Result {
  readonly world: World
  readonly fillS: number
  readonly startS: number
  readonly bytesPerHost: number
  readonly etcdMB: number
  readonly steps: readonly Step[]
  readonly limit: string
}

const log = (line: string): void => void process.stdout.write(`${line}\n`)

async function fill(store: Store, world: World): Promise<void> {
  const writes: Write[] = []
  for (let at = 0; at < world.hosts; at += 1) {
    writes.push({ put: keys.host(hostOf(at).id), value: JSON.stringify(hostOf(at)) })
  }
  const prober = { id: 'prober', name: 'prober', vtep: '198.19.0.1', boot: 'bench' }
  writes.push({ put: keys.host('prober'), value: JSON.stringify(prober) })
  const networks = networksOf(world)
  for (let at = 0; at < world.endpoints; at += 1) {
    const one = endpointOf(at % networks, Math.floor(at / networks), world)
    writes.push({ put: keys.endpoint(one.network, one.host, one.id), value: JSON.stringify(one) })
  }
  for (let at = 0; at < writes.length; at += CHUNK * 8) {
    const chunks = Array.from({ length: 8 }, (_, index) => at + index * CHUNK)
    const all = chunks.map((from) => writes.slice(from, from + CHUNK))
    await Promise.all(all.filter(({ length }) => length > 0).map((part) => store.txn([], part)))
  }
}

class Workers {
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
    return Promise.all(
      this.#children.map(async (child) => {
        const ended = once(child, 'exit').then(() => {
          throw new Error('agents ended by themselves')
        })
        const [report] = await Promise.race([once(child, 'message'), ended])
        return report as Report
      }),
    )
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

function etcdNow(etcd: EtcdProcess): { readonly cpu: number; readonly mb: number } {
  const status = readFileSync(`/proc/${etcd.pid}/status`, 'utf8')
  const fields = readFileSync(`/proc/${etcd.pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  const kB = Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1])
  return { cpu: (Number(fields[11]) + Number(fields[12])) / 100, mb: (kB * 1_024) / 1e6 }
}

const sum = (values: readonly number[]): number => values.reduce((all, one) => all + one, 0)

async function step(
  world: World,
  rate: number,
  etcd: EtcdProcess,
  store: Store,
  workers: Workers,
): Promise<Step> {
  const before = sum((await workers.ask()).map(({ cpu }) => cpu))
  const etcdBefore = etcdNow(etcd).cpu
  const started = performance.now()
  const puts: Promise<unknown>[] = []
  for (let sent = 0; performance.now() - started < RATE_S * 1_000; sent += 1) {
    const wait = started + (sent * 1_000) / rate - performance.now()
    if (wait > 1) await sleep(wait)
    const probe = probeOf(sent % networksOf(world), sharedNow())
    const put = keys.endpoint(probe.network, probe.host, probe.id)
    puts.push(store.txn([], [{ put, value: JSON.stringify(probe) }]).catch(() => undefined))
  }
  await Promise.all(puts)
  await sleep(LAG_LIMIT)
  const seconds = (performance.now() - started) / 1_000
  const reports = await workers.ask()
  const lags = reports.flatMap((report) => report.lags)
  return {
    rate,
    delivered: lags.length / RATE_S,
    p50: quantile(lags, 0.5),
    p99: quantile(lags, 0.99),
    etcdCpu: (100 * (etcdNow(etcd).cpu - etcdBefore)) / seconds,
    agentsCpu: (100 * (sum(reports.map(({ cpu }) => cpu)) - before)) / seconds,
  }
}

/** What gave way first, in words. */
function limitOf(steps: readonly Step[], cores: number): string {
  const over = steps.find(({ p99 }) => !(p99 <= LAG_LIMIT))
  if (over === undefined) return `none up to ${RATES.at(-1)} events/s`
  const { rate, etcdCpu, agentsCpu } = over
  const used = `at ${rate} events/s: etcd ${etcdCpu.toFixed(0)} %, agents ${agentsCpu.toFixed(0)} % of a core`
  if (etcdCpu + agentsCpu > cores * 80) return `the machine's ${cores} cores, ${used}`
  return `lag over ${LAG_LIMIT} ms, ${used}`
}

async function measure(world: World, cores: number): Promise<Result> {
  const name = `${world.hosts} hosts, ${world.endpoints} endpoints`
  const etcd = await EtcdProcess.create({ extra: ['--quota-backend-bytes', '4294967296'] })
  const store = connect([etcd.endpoint])
  let workers: Workers | undefined
  try {
    const begin = performance.now()
    await fill(store, world)
    const filled = performance.now()
    log(`${name}: in the store`)
    workers = new Workers(world, etcd.endpoint)
    const ready = await workers.reports()
    const started = performance.now()
    log(`${name}: all agents know their peers after ${((started - filled) / 1_000).toFixed(1)} s`)
    const steps: Step[] = []
    // thrown away: each process has its code compiled by it
    await step(world, RATES[0], etcd, store, workers)
    for (const rate of RATES) {
      const one = await step(world, rate, etcd, store, workers)
      log(`${name}: ${rate} events/s, lag p50 ${one.p50.toFixed(1)} p99 ${one.p99.toFixed(1)} ms`)
      steps.push(one)
      if (!(one.p99 <= LAG_LIMIT)) break
    }
    return {
      world,
      fillS: (filled - begin) / 1_000,
      startS: (started - filled) / 1_000,
      bytesPerHost: sum(ready.map(({ bytes }) => bytes)) / ready.length,
      etcdMB: etcdNow(etcd).mb,
      steps,
      limit: limitOf(steps, cores),
    }
  } finally {
    await workers?.end()
    await store.close()
    await etcd.remove()
  }
}

function tableOf(results: readonly Result[]): string {
  const head =
    '| hosts | endpoints | agents up (s) | MB a host | etcd MB | events/s, each to 10 hosts | lag p50 (ms) | lag p99 (ms) | first limit |'
  const lines = results.map(({ world, startS, bytesPerHost, etcdMB, steps, limit }) => {
    const best = steps.filter(({ p99 }) => p99 <= LAG_LIMIT).at(-1)
    const figures = [
      world.hosts,
      world.endpoints,
      startS.toFixed(1),
      (bytesPerHost / 1e6).toFixed(2),
      etcdMB.toFixed(0),
      best?.rate ?? '-',
      best?.p50.toFixed(1) ?? '-',
      best?.p99.toFixed(1) ?? '-',
      limit,
    ]
    return `| ${figures.join(' | ')} |`
  })
  return [head, head.replace(/[^|]+/g, '---'), ...lines].join('\n')
}

function plot(results: readonly Result[], title: string, x: 'hosts' | 'endpoints'): void {
  const line = (name: string, value: (one: Result) => number) => ({
    name,
    points: results
      .filter((one) => Number.isFinite(value(one)))
      .map((one) => [one.world[x], Math.max(value(one), 0.01)] as const),
  })
  const lines = [
    line('lag p99, 20 events/s (ms)', ({ steps }) => steps[0]?.p99 ?? 0),
    line('memory of a host (MB)', ({ bytesPerHost }) => bytesPerHost / 1e6),
    line('memory of etcd (MB)', ({ etcdMB }) => etcdMB),
    line('until all agents know (s)', ({ startS }) => startS),
  ]
  writeFileSync(join(OUT, `scale-${x}.svg`), lineChart(lines, title, x))
}

async function main(): Promise<void> {
  const wanted = (process.argv[2] ?? '').split(',').filter((word) => word !== '')
  const worlds = WORLDS.filter(({ hosts }) => wanted.length === 0 || wanted.includes(`${hosts}`))
  if (worlds.length === 0) {
    const known = [...new Set(WORLDS.map(({ hosts }) => hosts))].join(', ')
    throw new Error(`HOSTS=${wanted.join(',')}: none of them is ${known}`)
  }
  if (etcdVersion() === undefined) throw new Error('there is no etcd; make plugin brings one')
  const on = surroundings()
  log(describe(on))
  const results: Result[] = []
  for (const world of worlds) results.push(await measure(world, on.cores))
  mkdirSync(OUT, { recursive: true })
  writeFileSync(join(OUT, 'scale.json'), `${JSON.stringify({ on, results }, null, 2)}\n`)
  const grown = results.filter(({ world }) => world.endpoints === world.hosts * 100)
  if (grown.length > 1) plot(grown, 'Growth with hosts, 100 endpoints each', 'hosts')
  const filled = results.filter(({ world }) => world.hosts === 200)
  if (filled.length > 1) plot(filled, 'Growth with endpoints, on 200 hosts', 'endpoints')
  log(`\n${describe(on)}\n\n${tableOf(results)}\n\n${OUT}/scale.json, scale-*.svg`)
}

main().catch((error: unknown) => {
  process.stderr.write(`bench-scale: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
})
