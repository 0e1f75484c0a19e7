/**
 * `make bench`: all measurements on one lab, ours and the reference in turns. Prints one table and
 * leaves it with a plot under build/bench. A goal that is missed is told and is no error.
 *
 *   node --import tsx test/bench/bench.ts [NAME,…]
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Lab } from '../lab/lab.js'
import { requireRoot } from '../lab/packages.js'
import { installEverywhere } from '../lab/tsoverlay.js'
import { agent } from './agent.js'
import { commandLine } from './cli.js'
import { containerStart } from './container-start.js'
import { crowd } from './crowd.js'
import { ipam } from './ipam.js'
import type { Bench, Measurement, Row } from './measurement.js'
import { names } from './names.js'
import { namesMemory } from './names-memory.js'
import { news } from './news.js'
import { barChart } from './plot.js'
import { propagation } from './propagation.js'
import { routedCrowd } from './routed-crowd.js'
import { routedStart } from './routed-start.js'
import { routedThroughput } from './routed-throughput.js'
import { routes } from './routes.js'
import { share } from './share.js'
import { describe, surroundings } from './surroundings.js'
import { nativeOverlay } from './swarm.js'
import { tableOf } from './table.js'
import { throughput } from './throughput.js'

const ALL: readonly Measurement[] = [
  containerStart,
  share,
  propagation,
  throughput,
  crowd,
  ipam,
  agent,
  names,
  namesMemory,
  routedStart,
  routedThroughput,
  routedCrowd,
  news,
  routes,
  commandLine,
]
const OUT = 'build/bench'

/** @throws Error that names what may be asked for */
function chosen(words: readonly string[]): readonly Measurement[] {
  const wanted = words.flatMap((word) => word.split(',')).filter((name) => name !== '')
  const unknown = wanted.find((name) => !ALL.some((one) => one.name === name))
  if (unknown !== undefined) {
    const known = ALL.map(({ name }) => name).join(', ')
    throw new Error(`ONLY=${unknown} is not a measurement; there are ${known}`)
  }
  return wanted.length === 0 ? ALL : ALL.filter(({ name }) => wanted.includes(name))
}

interface Outcome {
  readonly rows: readonly Row[]
  readonly failures: readonly string[]
}

async function runAll(measurements: readonly Measurement[], log: Bench['log']): Promise<Outcome> {
  const rows: Row[] = []
  const failures: string[] = []
  const lab = await Lab.up({ hosts: 3, etcd: true, log })
  try {
    await installEverywhere(lab)
    let network: Promise<string> | undefined
    const native = (): Promise<string> => {
      network ??= nativeOverlay(lab)
      return network
    }
    for (const [at, { name, title, run }] of measurements.entries()) {
      const head = `[${at + 1}/${measurements.length}] ${name}`
      log(`${head}: ${title}`)
      const before = performance.now()
      try {
        rows.push(...(await run({ lab, native, log: (line) => log(`${head}: ${line}`) })))
      } catch (error) {
        failures.push(`${name}: ${error instanceof Error ? error.message : String(error)}`)
        log(`${head}: FAILED`)
      }
      log(`${head}: ${((performance.now() - before) / 1000).toFixed(0)} s`)
    }
  } finally {
    await lab.down()
  }
  return { rows, failures }
}

async function main(): Promise<void> {
  const measurements = chosen(process.argv.slice(2))
  requireRoot()
  const on = await surroundings()
  const started = performance.now()
  const log = (line: string): void => {
    const seconds = ((performance.now() - started) / 1000).toFixed(0).padStart(5)
    process.stdout.write(`${seconds} s  ${line}\n`)
  }
  log(describe(on))
  const { rows, failures } = await runAll(measurements, log)
  const about = describe(on)
  mkdirSync(OUT, { recursive: true })
  const result = { at: new Date().toISOString(), on, rows, failures }
  writeFileSync(join(OUT, 'bench.json'), `${JSON.stringify(result, null, 2)}\n`)
  writeFileSync(join(OUT, 'bench.svg'), barChart(rows, about.replace('\n', '. ')))
  process.stdout.write(`\n${about}\n\n${tableOf(rows)}\n\n${OUT}/bench.json, ${OUT}/bench.svg\n`)
  for (const failure of failures) process.stderr.write(`bench: ${failure}\n`)
  if (failures.length > 0) process.exitCode = 1
}

main().catch((error: unknown) => {
  process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
})
