/**
 * Names of containers: how long a lookup takes, how many a second there are, how soon a new container
 * is known on another host, and what it costs when nobody asks. Docker's own resolver, on a bridge
 * network of the same host, is the reference. The networks are internal, so that nobody outside is
 * asked for what is not known.
 */
import { sleep } from '../lab/exec.js'
import type { Host } from '../lab/host.js'
import type { Lab } from '../lab/lab.js'
import { createNetwork, runSleeper } from '../lab/tsoverlay.js'
import { Asker } from './ask.js'
import type { Bench, Measurement, Row } from './measurement.js'
import { idle } from './names-idle.js'
import { interleaved, median, quantile } from './statistics.js'

const ROUNDS = 15
/** One after the other, in one turn. */
const QUESTIONS = 200
const CLIENTS = 4
/** Of each client, on their way at once. */
const WINDOW = 16
const RATE_MS = 1_000
const FLOOD = 10_000
const AMID_FLOOD = 20
const STARTS = 120
const DOCKER = "Docker's own, this host's"
const OURS = 'names'
const PLAIN = 'names-plain'

const containers = Array.from({ length: CLIENTS }, (_, at) => [`ours${at}`, `plain${at}`]).flat()

async function populate(lab: Lab): Promise<void> {
  const [one, two] = [lab.host(1), lab.host(2)]
  for (const host of [one, two])
    await createNetwork(host, OURS, ['--internal', '--subnet', '10.26.0.0/16'])
  await one.docker(['network', 'create', '--internal', PLAIN])
  for (let at = 0; at < CLIENTS; at += 1) {
    await runSleeper(one, `ours${at}`, OURS)
    await runSleeper(one, `plain${at}`, PLAIN)
  }
  await runSleeper(two, 'far', OURS)
}

async function clear(lab: Lab): Promise<void> {
  const [one, two] = [lab.host(1), lab.host(2)]
  await one.docker(['rm', '-f', ...containers], { check: false })
  await two.docker(['rm', '-f', 'far'], { check: false })
  for (const host of [one, two]) await host.docker(['network', 'rm', OURS, PLAIN], { check: false })
}

async function askersIn(host: Host, prefix: string): Promise<readonly Asker[]> {
  return await Promise.all(
    Array.from({ length: CLIENTS }, (_, at) => Asker.in(host, `${prefix}${at}`)),
  )
}

/** @param flooder asks 10,000 times at once, and goes on, in another container meanwhile */
async function amidFlood(asker: Asker, flooder: Asker, name: string): Promise<number> {
  const flood = flooder.rate(name, RATE_MS, FLOOD)
  await sleep(RATE_MS / 20)
  const took = await asker.times(name, AMID_FLOOD)
  await flood
  return median(took) / 1_000
}

function pairOf([one, two]: readonly Asker[]): readonly [Asker, Asker] {
  if (one === undefined || two === undefined) throw new Error('no clients')
  return [one, two]
}

async function latency(
  [ours, oursToo]: readonly [Asker, Asker],
  [docker, dockerToo]: readonly [Asker, Asker],
  log: Bench['log'],
): Promise<readonly Row[]> {
  const ask = (asker: Asker, name: string) => async () =>
    median(await asker.times(name, QUESTIONS)) / 1_000
  const took = await interleaved(
    ROUNDS,
    {
      far: ask(ours, 'far'),
      near: ask(ours, 'ours1'),
      unknown: ask(ours, 'nobody'),
      docker: ask(docker, 'plain1'),
      dockerUnknown: ask(docker, 'nobody'),
      flooded: () => amidFlood(ours, oursToo, 'far'),
      dockerFlooded: () => amidFlood(docker, dockerToo, 'plain1'),
    },
    log,
  )
  const reference = { name: DOCKER, value: median(took.docker) }
  return [
    {
      what: 'lookup of a name of another host, median',
      unit: 'ms',
      ours: median(took.far),
      reference,
      goal: { is: '<=', value: 1.2 },
    },
    {
      what: 'lookup of a name of this host, median',
      unit: 'ms',
      ours: median(took.near),
      reference,
    },
    {
      what: 'lookup of a name that nobody has, median',
      unit: 'ms',
      ours: median(took.unknown),
      reference: { name: "Docker's own", value: median(took.dockerUnknown) },
    },
    {
      what: `lookup of another host's while another container asks ${FLOOD} at once, median`,
      unit: 'ms',
      ours: median(took.flooded),
      reference: { name: DOCKER, value: median(took.dockerFlooded) },
    },
  ]
}

async function rate(
  ours: readonly Asker[],
  docker: readonly Asker[],
  log: Bench['log'],
): Promise<readonly Row[]> {
  const all = (askers: readonly Asker[], name: string) => async () => {
    const each = await Promise.all(askers.map((asker) => asker.rate(name, RATE_MS, WINDOW)))
    return each.reduce((sum, value) => sum + value, 0)
  }
  const took = await interleaved(
    ROUNDS,
    { far: all(ours, 'far'), unknown: all(ours, 'nobody'), docker: all(docker, 'plain1') },
    log,
  )
  const what = `lookups from ${CLIENTS} containers at once`
  const far = { what: `${what}, of another host`, unit: '/s', ours: median(took.far) } as const
  const reference = { name: DOCKER, value: median(took.docker) }
  return [
    { ...far, goal: { is: '>=', value: 10_000 } },
    { ...far, reference },
    { what: `${what}, of nobody`, unit: '/s', ours: median(took.unknown), reference },
  ]
}

/** From the end of `docker run -d` here until the name has an address there. */
async function news(from: Host, asker: Asker, log: Bench['log']): Promise<readonly Row[]> {
  const took: number[] = []
  for (let round = 0; round <= STARTS; round += 1) {
    const name = `new${round}`
    try {
      await runSleeper(from, name, OURS)
      const returned = process.hrtime.bigint()
      const known = await asker.until(name)
      if (round > 0) took.push(Number(known - returned) / 1e6)
    } finally {
      await from.docker(['rm', '-f', name], { check: false })
    }
    if (round % 20 === 0) log(`start ${round} of ${STARTS}`)
  }
  const what = 'end of docker run -d → its name is known on another host'
  return [
    { what: `${what}, median`, unit: 'ms', ours: median(took) },
    {
      what: `${what}, p99`,
      unit: 'ms',
      ours: quantile(took, 0.99),
      goal: { is: '<=', value: 100 },
    },
  ]
}

async function asked({ lab, log }: Bench): Promise<readonly Row[]> {
  const [one, two] = [lab.host(1), lab.host(2)]
  const askers: Asker[] = []
  try {
    await populate(lab)
    const ours = await askersIn(one, 'ours')
    const docker = await askersIn(one, 'plain')
    const there = await Asker.in(two, 'far')
    askers.push(...ours, ...docker, there)
    const [first, second] = [pairOf(ours), pairOf(docker)]
    for (const name of ['far', 'ours1']) await first[0].until(name)
    await second[0].until('plain1')
    const rows = [...(await latency(first, second, log))]
    rows.push(...(await rate(ours, docker, log)))
    rows.push(...(await news(one, there, log)))
    return rows
  } finally {
    for (const asker of askers) await asker.end()
    await clear(lab)
  }
}

export const names: Measurement = {
  name: 'names',
  title: "lookups beside Docker's own, how soon a new name is known, and what they cost unasked",
  run: async (bench) => [...(await asked(bench)), ...(await idle(bench))],
}
