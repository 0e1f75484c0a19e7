/**
 * `make soak CYCLES=2000`: containers come and go on a real dockerd, three at a time, and now and then
 * a network. Every tenth of the way all hold still and what the plugin holds is counted. Exits with 1
 * if anything grew. build/soak/ has the figures as JSON.
 */
import { mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs'
import { eventually, kernelTraces } from '../e2e/traces.js'
import type { Host } from '../lab/host.js'
import { Lab } from '../lab/lab.js'
import { createNetwork, installEverywhere } from '../lab/tsoverlay.js'
import { type Gauges, gaugesOf } from './gauges.js'
import { journalDocuments } from './journal-documents.js'

const LANES = 3
/**
 * More than a block has addresses, so that all that is made once has been made, and enough calls for
 * V8 to have compiled what it will: alone the RPC server's heap grows by 3 MB in its first thousands
 * of calls, and the store client's too, and then no more.
 */
const WARM_UP = 500
const STEPS = 10
/** One cycle in so many is also a network's life. */
const NETWORK_EVERY = 50
/**
 * From the end of the warm-up on. What V8 keeps of compiled code goes up and down by some 2 MB; a
 * leak of one endpoint's record (1 KB) in each cycle would be as much in 2,000. The allocator gives
 * little of what it once had back, so what is resident may grow by more.
 */
const HEAP_KB = 2_048
const RSS_KB = 24_576

interface Reading extends Gauges {
  readonly cycles: number
  readonly keys: number
  readonly journal: number
  /** sandboxes and links of ours */
  readonly kernel: number
}

const say = (line: string): void => void process.stdout.write(`${line}\n`)

function cyclesWanted(): number {
  const value = Number(process.env['CYCLES'] || 2_000)
  if (Number.isInteger(value) && value >= STEPS) return value
  process.stderr.write(`soak: CYCLES=${process.env['CYCLES']} is not a number from ${STEPS} on\n`)
  process.exit(2)
}

/** The plugin's pid as this machine counts: it is in the pid namespace of its host. */
function pluginPid(host: Host): number {
  const namespace = (pid: string | number): string => readlinkSync(`/proc/${pid}/ns/pid`)
  const home = namespace(host.initPid)
  const found = readdirSync('/proc').filter((pid) => {
    try {
      const line = readFileSync(`/proc/${Number(pid)}/cmdline`, 'utf8')
      return line.includes('/app/main.js') && namespace(pid) === home
    } catch {
      return false // no process, or gone meanwhile
    }
  })
  const [pid] = found
  if (pid === undefined || found.length > 1) throw new Error(`${found.length} plugins run`)
  return Number(pid)
}

async function cycle(host: Host, number: number): Promise<void> {
  const own = number % NETWORK_EVERY === 0
  const network = own ? `soak${number}` : 'soak'
  if (own) await createNetwork(host, network, ['--subnet', `10.30.${(number / 50) % 250}.0/24`])
  await host.docker(['run', '--rm', '--net', network, 'lab', 'true'], { timeoutMs: 120_000 })
  if (own) await host.docker(['network', 'rm', network])
}

/** Does the cycles from `from` up to `to`, as many at once as there are lanes. */
async function work(host: Host, from: number, to: number): Promise<void> {
  let next = from
  const lane = async (): Promise<void> => {
    while (next < to) {
      next += 1
      await cycle(host, next)
    }
  }
  await Promise.all(Array.from({ length: LANES }, lane))
}

async function read(lab: Lab, pid: number, cycles: number): Promise<Reading> {
  const { stdout } = await lab.etcd.ctl(['get', '--prefix', '--keys-only', '/tsoverlay/'])
  return {
    cycles,
    ...(await gaugesOf(pid)),
    keys: stdout.split('\n').filter((line) => line !== '').length,
    journal: journalDocuments(`/proc/${pid}/root/data/journal`).length,
    kernel: (await kernelTraces(lab.host(1))).length,
  }
}

const COUNTS = ['fds', 'netlink', 'keys', 'journal', 'kernel'] as const

/** What is more than it was; empty when nothing is. */
function growth(before: Reading, after: Reading): string[] {
  const counts = COUNTS.filter((name) => after[name] > before[name])
  const bounds = [
    ['heapKb', HEAP_KB],
    ['rssKb', RSS_KB],
  ] as const
  const memory = bounds.filter(([name, bound]) => after[name] - before[name] > bound)
  return [...counts, ...memory.map(([name]) => name)].map(
    (name) => `${name} grew from ${before[name]} to ${after[name]} in ${after.cycles} cycles`,
  )
}

function rowOf(reading: Reading): string {
  const { cycles, fds, netlink, threads, keys, journal, kernel, heapKb, rssKb } = reading
  const memory = [heapKb, rssKb].map((kb) => `${(kb / 1024).toFixed(1)} MB`)
  return [cycles, fds, netlink, threads, keys, journal, kernel, ...memory]
    .map((cell) => String(cell).padStart(9))
    .join('')
}

async function soak(lab: Lab, cycles: number): Promise<readonly Reading[]> {
  const host = lab.host(1)
  await createNetwork(host, 'soak', ['--subnet', '10.20.0.0/16'])
  await work(host, 0, WARM_UP)
  const pid = pluginPid(host)
  await gaugesOf(pid) // from here on the inspector has its descriptors
  const first = await eventually(
    () => read(lab, pid, 0),
    ({ kernel }) => kernel === 0,
  )
  say(
    ['cycles', 'fds', 'netlink', 'threads', 'keys', 'journal', 'kernel', 'heap', 'RSS']
      .map((cell) => cell.padStart(9))
      .join(''),
  )
  say(rowOf(first))
  const readings = [first]
  for (let step = 1; step <= STEPS; step += 1) {
    const [from, to] = [step - 1, step].map((n) => Math.floor((cycles * n) / STEPS))
    await work(host, WARM_UP + (from ?? 0), WARM_UP + (to ?? 0))
    const reading = await eventually(
      () => read(lab, pid, to ?? 0),
      (one) => COUNTS.every((name) => one[name] <= first[name]),
    )
    readings.push(reading)
    say(rowOf(reading))
  }
  return readings
}

async function main(): Promise<void> {
  const cycles = cyclesWanted()
  const lab = await Lab.up({ hosts: 1, etcd: true, log: say })
  try {
    await installEverywhere(lab)
    const started = Date.now()
    const readings = await soak(lab, cycles)
    const seconds = Math.round((Date.now() - started) / 1_000)
    const [first, last] = [readings[0], readings.at(-1)]
    const problems = first === undefined || last === undefined ? ['nothing'] : growth(first, last)
    mkdirSync('build/soak', { recursive: true })
    const path = `build/soak/${new Date().toISOString().replaceAll(':', '-')}.json`
    writeFileSync(path, `${JSON.stringify({ cycles, seconds, readings, problems }, null, 2)}\n`)
    for (const problem of problems) say(`✗ ${problem}`)
    say(`${cycles} cycles in ${seconds} s, ${problems.length} figures grew; ${path}`)
    process.exitCode = problems.length === 0 ? 0 : 1
  } finally {
    await lab.down()
  }
}

main().catch((error: unknown) => {
  process.stderr.write(`soak: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
})
