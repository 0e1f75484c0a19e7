/** What `make bench-scale` says of its worlds: a table, plots, and what gave way first. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { lineChart } from './plot.js'
import { AGENTS_OF_WORKER } from './scale-workers.js'
import type { World } from './scale-world.js'

/** From this lag (ms, p99) on a rate is too much. */
export const LAG_LIMIT = 500
/** Events a second to networks that no agent uses. */
export const UNUSED_RATE = 100
/** Share (%) of a core, or of the machine, that is as good as all of it. */
const FULL = 85

export interface Step {
  /** events a second that were asked for, and that were written */
  readonly rate: number
  readonly sent: number
  /** events that agents have worked in, a second */
  readonly delivered: number
  readonly p50: number
  readonly p99: number
  /** of one core each, in the step (%) */
  readonly etcdCpu: number
  readonly agentsCpu: number
  readonly writerCpu: number
  /** of the process of agents that worked most (%) */
  readonly busiest: number
  /** of all cores (%) */
  readonly machine: number
}

export interface Result {
  readonly world: World
  readonly fillS: number
  readonly startS: number
  readonly bytesPerHost: number
  readonly etcdMB: number
  /** CPU of all agents while events come to networks that none of them uses (% of one core) */
  readonly unusedCpu: number | undefined
  readonly steps: readonly Step[]
}

export function isTooMuch({ p99, rate, sent }: Step): boolean {
  return !(p99 <= LAG_LIMIT) || sent < rate * 0.9
}

export function cpuText({ agentsCpu, etcdCpu, writerCpu }: Step): string {
  const [agents, etcd, writer] = [agentsCpu, etcdCpu, writerCpu].map((used) => used.toFixed(0))
  return `agents ${agents} %, etcd ${etcd} %, writer ${writer} % of a core`
}

/** What gave way first, in words. */
function limitOf(steps: readonly Step[], cores: number): string {
  const over = steps.find(isTooMuch)
  if (over === undefined) return `none up to ${steps.at(-1)?.rate} events/s`
  const { rate, etcdCpu, busiest, machine } = over
  return `at ${rate} events/s: ${culprit()} (${cpuText(over)})`

  function culprit(): string {
    if (machine > FULL) return `CPU, all ${cores} cores are busy`
    if (busiest > FULL) return `CPU, ${AGENTS_OF_WORKER} agents share one process and its core`
    if (etcdCpu > FULL) return 'etcd, which has a core to itself'
    if (over !== undefined && over.sent < rate * 0.9) {
      return `writing, ${over.sent.toFixed(0)} events/s is all that one client of etcd did`
    }
    return `lag, with ${machine.toFixed(0)} % of the cores in use`
  }
}

const number = (value: number): string => value.toLocaleString('en')

function lineOf({ world, startS, bytesPerHost, etcdMB, steps }: Result, cores: number): string {
  const best = steps.filter((step) => !isTooMuch(step)).at(-1)
  const unused = world.unused === 0 ? '' : ` + ${number(world.unused)} unused`
  const cost = best && (best.agentsCpu * 10) / best.delivered
  const figures = [
    number(world.hosts),
    `${number(world.endpoints)}${unused}`,
    startS.toFixed(1),
    (bytesPerHost / 1e6).toFixed(2),
    etcdMB.toFixed(0),
    best?.rate ?? '-',
    best?.p50.toFixed(1) ?? '-',
    best?.p99.toFixed(1) ?? '-',
    cost?.toFixed(2) ?? '-',
    limitOf(steps, cores),
  ]
  return `| ${figures.join(' | ')} |`
}

/** Markdown, so that it can be put in docs/performance.md as it is. */
export function tableOf(results: readonly Result[], cores: number): string {
  const head =
    '| hosts | endpoints | agents up (s) | MB a host | etcd MB | events/s, each to 10 hosts | lag p50 (ms) | lag p99 (ms) | CPU a host and event (ms) | first limit |'
  const lines = results.map((result) => lineOf(result, cores))
  return [head, head.replace(/[^|]+/g, '---'), ...lines].join('\n')
}

/** What networks that nobody uses cost, from two worlds that differ in nothing else. */
export function unusedText(results: readonly Result[]): string | undefined {
  const crowded = results.find(({ world }) => world.unused > 0)
  const plain = results.find(
    ({ world }) =>
      world.unused === 0 &&
      world.hosts === crowded?.world.hosts &&
      world.endpoints === crowded.world.endpoints,
  )
  if (crowded?.unusedCpu === undefined || plain === undefined) return undefined
  const mb = ({ bytesPerHost }: Result): string => (bytesPerHost / 1e6).toFixed(2)
  const lag = ({ steps }: Result): string => steps[0]?.p99.toFixed(1) ?? '-'
  const { world, unusedCpu } = crowded
  return [
    `A host pays only for networks that it uses. With ${number(world.unused)} endpoints more in networks that none of the ${world.hosts} hosts uses:`,
    `${mb(crowded)} MB a host (without: ${mb(plain)}), agents up in ${crowded.startS.toFixed(1)} s (${plain.startS.toFixed(1)}), lag p99 ${lag(crowded)} ms (${lag(plain)});`,
    `${UNUSED_RATE} events/s there take ${unusedCpu.toFixed(1)} % of a core of all ${world.hosts} agents together.`,
  ].join('\n')
}

/** @returns the file that was written: a line needs two worlds at least */
function plot(
  results: readonly Result[],
  out: string,
  title: string,
  x: 'hosts' | 'endpoints',
): readonly string[] {
  if (results.length < 2) return []
  const line = (name: string, value: (one: Result) => number) => ({
    name,
    points: results
      .filter((one) => Number.isFinite(value(one)))
      .map((one) => [one.world[x], Math.max(value(one), 0.01)] as const),
  })
  const rate = results[0]?.steps[0]?.rate
  const lines = [
    line('memory of etcd (MB)', ({ etcdMB }) => etcdMB),
    line(`lag p99, ${rate} events/s (ms)`, ({ steps }) => steps[0]?.p99 ?? Number.NaN),
    line('until all agents know (s)', ({ startS }) => startS),
    line('memory of a host (MB)', ({ bytesPerHost }) => bytesPerHost / 1e6),
  ]
  const file = join(out, `scale-${x}.svg`)
  writeFileSync(file, lineChart(lines, title, x))
  return [file]
}

/** @param out directory. @returns the files that were written */
export function plots(results: readonly Result[], out: string): readonly string[] {
  const used = results.filter(({ world }) => world.unused === 0)
  const grown = used.filter(({ world }) => world.endpoints === world.hosts * 100)
  const filled = used.filter(({ world }) => world.hosts === 200)
  return [
    ...plot(grown, out, 'Growth with hosts, 100 endpoints each', 'hosts'),
    ...plot(filled, out, 'Growth with endpoints, on 200 hosts', 'endpoints'),
  ]
}
