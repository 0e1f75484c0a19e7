/**
 * `make bench-propagation`: from CreateEndpoint's answer on one host to the neighbour and the FDB
 * entry in another host's kernel, as the kernel itself tells it (`ip monitor`, no polling). The
 * entry may be there before the answer: that counts as 0. Beside it, in the same run and
 * interleaved: a bare put to etcd until a watcher has its event, which is what cannot be beaten.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { createInterface } from 'node:readline'
import { Etcd3 } from 'etcd3'
import type { Host } from '../lab/host.js'
import { Lab } from '../lab/lab.js'
import { callPlugin } from '../lab/plugin-call.js'
import { createNetwork, installEverywhere, runSleeper, sandboxOf } from '../lab/tsoverlay.js'

const ROUNDS = 100
const WARM_UP = 5
const LIMIT_MS = 5_000

/** Waits for lines of a running monitor. */
class Monitor {
  readonly #child: ChildProcess
  readonly #seen = new Map<string, (at: number) => void>()

  constructor(host: Host, sandbox: string, argv: readonly string[]) {
    const inside = host.path(`/run/docker/netns/${sandbox}`)
    this.#child = spawn('nsenter', [`--net=${inside}`, ...argv], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    if (this.#child.stdout === null) throw new Error('no output of the monitor')
    createInterface({ input: this.#child.stdout }).on('line', (line) => {
      const at = performance.now()
      for (const [text, found] of this.#seen)
        if (line.includes(text) && !/deleted/i.test(line)) found(at)
    })
  }

  /** Resolves with the time (ms) at which a line with `text` came. */
  next(text: string): Promise<number> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${text} did not come`)), LIMIT_MS)
      this.#seen.set(text, (at) => {
        clearTimeout(timer)
        this.#seen.delete(text)
        resolve(at)
      })
    })
  }

  end(): void {
    this.#child.kill()
  }
}

function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN
}

function row(name: string, values: readonly number[]): string {
  const parts = [0.5, 0.9, 0.99].map((part) => quantile(values, part).toFixed(2).padStart(8))
  return `${name.padEnd(46)}${parts.join('')}`
}

type Watched = Awaited<ReturnType<typeof watchLatency>>

interface Sample {
  readonly neighbour: number
  readonly fdb: number
  /** the call's own time */
  readonly call: number
  /** from the call, not its answer, to the neighbour */
  readonly whole: number
}

/** One endpoint that exists only in the driver: made, timed, and deleted. */
async function sample(
  host: Host,
  network: string,
  round: number,
  neighs: Monitor,
  fdbs: Monitor,
): Promise<Sample> {
  const ip = `10.20.100.${round + 1}`
  const mac = `02:42:0a:14:64:${(round + 1).toString(16).padStart(2, '0')}`
  const id = randomBytes(32).toString('hex')
  const neighbour = neighs.next(`${ip} `)
  const fdb = fdbs.next(mac)
  const before = performance.now()
  const answer = await callPlugin(host, 'NetworkDriver.CreateEndpoint', {
    NetworkID: network,
    EndpointID: id,
    Interface: { Address: `${ip}/16`, AddressIPv6: '', MacAddress: mac },
    Options: {},
  })
  const answered = performance.now()
  if (answer.status !== 200) throw new Error(`CreateEndpoint: ${JSON.stringify(answer.body)}`)
  // The peers may be ready before the answer is read: that counts as nothing.
  const [first, second] = await Promise.all([neighbour, fdb])
  await callPlugin(host, 'NetworkDriver.DeleteEndpoint', { NetworkID: network, EndpointID: id })
  return {
    neighbour: Math.max(0, first - answered),
    fdb: Math.max(0, second - answered),
    call: answered - before,
    whole: first - before,
  }
}

/** etcd's own part: a put until the event is at a watcher, from its call and from its answer on. */
async function watchLatency(
  etcd: Etcd3,
  key: string,
  next: () => Promise<number>,
): Promise<{ readonly whole: number; readonly after: number }> {
  const event = next()
  const before = performance.now()
  await etcd.put(key).value('x')
  const answered = performance.now()
  const at = await event
  return { whole: at - before, after: Math.max(0, at - answered) }
}

async function measure(lab: Lab): Promise<void> {
  const [one, two] = [lab.host(1), lab.host(2)]
  for (const host of [one, two]) await createNetwork(host, 'blue', ['--subnet', '10.20.0.0/16'])
  await runSleeper(two, 'watcher', 'blue')
  const network = (await one.docker(['network', 'inspect', '-f', '{{.Id}}', 'blue'])).stdout.trim()
  const sandbox = await sandboxOf(two, 'blue')
  const neighs = new Monitor(two, sandbox, ['ip', 'monitor', 'neigh'])
  const fdbs = new Monitor(two, sandbox, ['bridge', 'monitor', 'fdb'])
  const etcd = new Etcd3({ hosts: lab.etcd.endpoint })
  const watcher = await etcd.watch().key('bench').create()
  const next = (): Promise<number> =>
    new Promise((resolve) => watcher.once('put', () => resolve(performance.now())))
  const samples: Sample[] = []
  const watches: Watched[] = []
  try {
    for (let round = 0; round < WARM_UP + ROUNDS; round += 1) {
      const latency = await watchLatency(etcd, 'bench', next)
      const one_ = await sample(one, network, round, neighs, fdbs)
      if (round < WARM_UP) continue
      watches.push(latency)
      samples.push(one_)
    }
  } finally {
    neighs.end()
    fdbs.end()
    await watcher.cancel()
    etcd.close()
  }
  report(samples, watches)
}

function report(samples: readonly Sample[], watches: readonly Watched[]): void {
  const rows: readonly (readonly [string, readonly number[]])[] = [
    ['CreateEndpoint on h1, its own time', samples.map((one) => one.call)],
    ['its call -> neighbour in the kernel of h2', samples.map((one) => one.whole)],
    ['its answer -> neighbour in the kernel of h2', samples.map((one) => one.neighbour)],
    ['its answer -> FDB entry in the kernel of h2', samples.map((one) => one.fdb)],
    ['etcd: call of a put -> event at a watcher', watches.map((one) => one.whole)],
    ['etcd: answer of a put -> event at a watcher', watches.map((one) => one.after)],
  ]
  const head = `milliseconds, ${samples.length} rounds`.padEnd(46)
  process.stdout.write(`\n${head}  median     p90     p99\n`)
  for (const [name, values] of rows) process.stdout.write(`${row(name, values)}\n`)
  const ours = quantile(
    samples.map((one) => one.whole),
    0.5,
  )
  const theirs = quantile(
    watches.map((one) => one.whole),
    0.5,
  )
  process.stdout.write(
    `\ncall to neighbour is ${(ours / theirs).toFixed(2)} x etcd's call to event, at the median\n`,
  )
}

async function main(): Promise<void> {
  const log = (line: string): void => void process.stdout.write(`${line}\n`)
  const lab = await Lab.up({ hosts: 2, etcd: true, log })
  try {
    await installEverywhere(lab)
    log(`measuring ${ROUNDS} rounds`)
    await measure(lab)
  } finally {
    await lab.down()
  }
}

main().catch((error: unknown) => {
  process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
})
