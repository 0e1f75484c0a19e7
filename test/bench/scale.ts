/**
 * `make bench-scale`: hundreds of agents on one real etcd. Each has two networks, of ten hosts each;
 * the events are addresses that move. Prints a table, and leaves it with plots in build/bench.
 *
 *   node --import tsx test/bench/scale.ts [HOSTS,…]
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Store, Write } from '../../src/core/ports.js'
import type { Endpoint } from '../../src/core/types.js'
import { keys } from '../../src/state/keys.js'
import { EtcdProcess, etcdVersion } from '../contract/etcd-process.js'
import { connect } from '../contract/real-store.js'
import {
  cpuText,
  isTooMuch,
  LAG_LIMIT,
  plots,
  type Result,
  type Step,
  tableOf,
  UNUSED_RATE,
  unusedText,
} from './scale-report.js'
import { Workers } from './scale-workers.js'
import {
  CHUNK,
  endpointOf,
  hostOf,
  networksOf,
  PROBER,
  probeOf,
  sharedNow,
  UNUSED_NETWORKS,
  unusedEndpointOf,
  type World,
} from './scale-world.js'
import { quantile } from './statistics.js'
import { busyShare, describe, surroundings } from './surroundings.js'

const OUT = 'build/bench'
/** Growth with hosts at 100 endpoints each, with endpoints on 200 hosts, and with what is not used. */
const WORLDS: readonly World[] = [
  { hosts: 50, endpoints: 5_000, unused: 0 },
  { hosts: 50, endpoints: 5_000, unused: 95_000 },
  { hosts: 200, endpoints: 2_000, unused: 0 },
  { hosts: 200, endpoints: 20_000, unused: 0 },
  { hosts: 200, endpoints: 100_000, unused: 0 },
  { hosts: 1_000, endpoints: 100_000, unused: 0 },
]
/** Events a second that are tried, each for so long. */
const RATES = [20, 50, 100, 200, 400, 800, 1_600, 3_200] as const
const RATE_S = 5

interface Parts {
  readonly etcd: EtcdProcess
  readonly store: Store
  readonly workers: Workers
}

const log = (line: string): void => void process.stdout.write(`${line}\n`)
const put = (one: Endpoint): Write => ({
  put: keys.endpoint(one.network, one.host, one.id),
  value: JSON.stringify(one),
})

async function fill(store: Store, world: World): Promise<void> {
  const hosts = [...Array.from({ length: world.hosts }, (_, at) => hostOf(at)), PROBER]
  const writes = hosts.map(
    (host): Write => ({ put: keys.host(host.id), value: JSON.stringify(host) }),
  )
  const networks = networksOf(world)
  for (let at = 0; at < world.endpoints; at += 1) {
    writes.push(put(endpointOf(at % networks, Math.floor(at / networks), world)))
  }
  for (let at = 0; at < world.unused; at += 1) {
    const network = networks + (at % UNUSED_NETWORKS)
    writes.push(put(unusedEndpointOf(network, Math.floor(at / UNUSED_NETWORKS))))
  }
  for (let at = 0; at < writes.length; at += CHUNK * 8) {
    const chunks = Array.from({ length: 8 }, (_, index) => at + index * CHUNK)
    const all = chunks.map((from) => writes.slice(from, from + CHUNK))
    await Promise.all(all.filter(({ length }) => length > 0).map((part) => store.txn([], part)))
  }
}

function etcdNow(etcd: EtcdProcess): { readonly cpu: number; readonly mb: number } {
  const status = readFileSync(`/proc/${etcd.pid}/status`, 'utf8')
  const fields = readFileSync(`/proc/${etcd.pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  const kB = Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1])
  return { cpu: (Number(fields[11]) + Number(fields[12])) / 100, mb: (kB * 1_024) / 1e6 }
}

/** CPU of this process so far (s). */
function writerNow(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}

const sum = (values: readonly number[]): number => values.reduce((all, one) => all + one, 0)

/** Writes so many probes a second for some seconds. @returns how many */
async function send(store: Store, rate: number, probe: (at: number) => Endpoint): Promise<number> {
  const started = performance.now()
  const puts: Promise<unknown>[] = []
  while (performance.now() - started < RATE_S * 1_000) {
    const wait = started + (puts.length * 1_000) / rate - performance.now()
    if (wait > 1) await sleep(wait)
    puts.push(store.txn([], [put(probe(puts.length))]).catch(() => undefined))
  }
  await Promise.all(puts)
  return puts.length
}

async function step(
  { etcd, store, workers }: Parts,
  rate: number,
  networkAt: (at: number) => number,
): Promise<Step> {
  const before = (await workers.ask()).map(({ cpu }) => cpu)
  const [etcdBefore, machineBefore] = [etcdNow(etcd).cpu, readFileSync('/proc/stat', 'utf8')]
  const writerBefore = writerNow()
  const started = performance.now()
  const sent = await send(store, rate, (at) => probeOf(networkAt(at), sharedNow()))
  const sendS = (performance.now() - started) / 1_000
  const machine = 100 * busyShare(machineBefore, readFileSync('/proc/stat', 'utf8'))
  await sleep(LAG_LIMIT)
  const seconds = (performance.now() - started) / 1_000
  const reports = await workers.ask()
  const lags = reports.flatMap((report) => report.lags)
  const used = reports.map(({ cpu }, at) => (100 * (cpu - (before[at] ?? 0))) / seconds)
  return {
    rate,
    sent: sent / sendS,
    delivered: lags.length / seconds,
    p50: quantile(lags, 0.5),
    p99: quantile(lags, 0.99),
    etcdCpu: (100 * (etcdNow(etcd).cpu - etcdBefore)) / seconds,
    agentsCpu: sum(used),
    writerCpu: (100 * (writerNow() - writerBefore)) / seconds,
    busiest: Math.max(...used),
    machine,
  }
}

async function steps(parts: Parts, world: World, name: string): Promise<readonly Step[]> {
  const used = (at: number): number => at % networksOf(world)
  const done: Step[] = []
  // thrown away: each process has its code compiled by it
  await step(parts, RATES[0], used)
  for (const rate of RATES) {
    const one = await step(parts, rate, used)
    const lag = `lag p50 ${one.p50.toFixed(1)} p99 ${one.p99.toFixed(1)} ms`
    log(`${name}: ${rate} events/s, ${lag}, ${cpuText(one)}`)
    done.push(one)
    if (isTooMuch(one)) break
  }
  return done
}

/** CPU of all agents while others have events (% of one core). */
async function unusedCpu(parts: Parts, world: World): Promise<number | undefined> {
  if (world.unused === 0) return undefined
  const unused = (at: number): number => networksOf(world) + (at % UNUSED_NETWORKS)
  return (await step(parts, UNUSED_RATE, unused)).agentsCpu
}

async function measure(world: World): Promise<Result> {
  const unused = world.unused === 0 ? '' : `, ${world.unused} unused`
  const name = `${world.hosts} hosts, ${world.endpoints} endpoints${unused}`
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
    const parts = { etcd, store, workers }
    return {
      world,
      fillS: (filled - begin) / 1_000,
      startS: (started - filled) / 1_000,
      bytesPerHost: sum(ready.map(({ bytes }) => bytes)) / ready.length,
      etcdMB: etcdNow(etcd).mb,
      // first: the last of the steps is more than the machine can do, and leaves work behind
      unusedCpu: await unusedCpu(parts, world),
      steps: await steps(parts, world, name),
    }
  } finally {
    await workers?.end()
    await store.close()
    await etcd.remove()
  }
}

/** @throws Error that names what may be asked for */
function chosen(words: string): readonly World[] {
  const wanted = words.split(',').filter((word) => word !== '')
  const known = [...new Set(WORLDS.map(({ hosts }) => `${hosts}`))]
  const unknown = wanted.find((word) => !known.includes(word))
  if (unknown !== undefined) {
    throw new Error(`HOSTS=${unknown} is not measured; there are ${known.join(', ')}`)
  }
  return WORLDS.filter(({ hosts }) => wanted.length === 0 || wanted.includes(`${hosts}`))
}

async function main(): Promise<void> {
  const worlds = chosen(process.argv[2] ?? '')
  if (etcdVersion() === undefined) throw new Error('there is no etcd; make plugin brings one')
  const on = await surroundings()
  log(describe(on))
  const results: Result[] = []
  for (const world of worlds) results.push(await measure(world))
  mkdirSync(OUT, { recursive: true })
  writeFileSync(join(OUT, 'scale.json'), `${JSON.stringify({ on, results }, null, 2)}\n`)
  const files = [`${OUT}/scale.json`, ...plots(results, OUT)].join(', ')
  const unused = unusedText(results)
  const texts = [describe(on), tableOf(results, on.cores), ...(unused ? [unused] : []), files]
  log(`\n${texts.join('\n\n')}`)
}

main().catch((error: unknown) => {
  process.stderr.write(`bench-scale: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
})
