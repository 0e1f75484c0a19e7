/**
 * From CreateEndpoint's answer on one host to the neighbour and the FDB
 * entry in another host's kernel, as the kernel itself tells it (`ip monitor`, no polling). The
 * entry may be there before the answer: that counts as 0. Beside it, in the same run and
 * interleaved: a bare put to etcd until a watcher has its event, which is what cannot be beaten.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { createInterface } from 'node:readline'
import { Etcd3 } from 'etcd3'
import type { Host } from '../lab/host.js'
import type { Lab } from '../lab/lab.js'
import { callPlugin } from '../lab/plugin-call.js'
import { createNetwork, runSleeper, sandboxOf } from '../lab/tsoverlay.js'
import type { Measurement, Row } from './measurement.js'
import { median, quantile } from './statistics.js'

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

async function measure(lab: Lab): Promise<readonly Row[]> {
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
    await two.docker(['rm', '-f', 'watcher'], { check: false })
    for (const host of [one, two]) await host.docker(['network', 'rm', 'blue'], { check: false })
  }
  return rowsOf(samples, watches)
}

function rowsOf(samples: readonly Sample[], watches: readonly Watched[]): readonly Row[] {
  const whole = samples.map((one) => one.whole)
  const after = samples.flatMap(({ neighbour, fdb }) => Math.max(neighbour, fdb))
  const theirs = watches.map((one) => one.whole)
  const name = 'put to watch event'
  return [
    {
      what: 'call of CreateEndpoint → neighbour in B, median',
      unit: 'ms',
      ours: median(whole),
      reference: { name, value: median(theirs) },
    },
    {
      what: 'answer of CreateEndpoint → neighbour and FDB in B, median',
      unit: 'ms',
      ours: median(after),
      reference: { name, value: median(theirs) },
      goal: { is: '<=', value: 2 },
    },
    {
      what: 'answer of CreateEndpoint → neighbour and FDB in B, p99',
      unit: 'ms',
      ours: quantile(after, 0.99),
      goal: { is: '<=', value: 25 },
    },
    {
      what: 'CreateEndpoint, its own time',
      unit: 'ms',
      ours: median(samples.map((one) => one.call)),
    },
  ]
}

export const propagation: Measurement = {
  name: 'propagation',
  title: `from CreateEndpoint to the other host's kernel, ${ROUNDS} rounds`,
  run: ({ lab }) => measure(lab),
}
