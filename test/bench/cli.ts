/**
 * The command line with 200 hosts and 10,000 endpoints: wall time of listings, its own start included,
 * of `trace` between two hosts of the lab, and of `doctor --all-hosts`; and a container's start beside
 * each. 197 of the hosts are control halves in processes of this machine (cluster-worker.ts).
 * Reference of listings: a Node that does nothing, by the same loader.
 */
import { sleep } from '../lab/exec.js'
import type { Host } from '../lab/host.js'
import { createNetwork, runSleeper } from '../lab/tsoverlay.js'
import { besideRows } from './cli-beside.js'
import { ENDPOINTS, HOSTS, POOL, recordsOf } from './cluster.js'
import { ClusterWorkers } from './cluster-workers.js'
import type { Bench, Measurement, Row } from './measurement.js'
import { Population } from './population.js'
import { interleaved, median, timed } from './statistics.js'

const LISTED = 'listed'
const WALKED = 'walked'
const ROUNDS = 11
const DOCTORS = 3
/** Lines, or so many and a few more, that tell that a listing is whole. */
const LISTINGS = {
  status: 8,
  hosts: HOSTS + 3,
  networks: 20,
  endpoints: ENDPOINTS + HOSTS,
  ipam: 2,
  'dns ls': ENDPOINTS,
} as const
const LAUNCHER = '/run/tsoverlay/cli'
const TRACE = [LAUNCHER, 'trace', 'from', 'to']
const DOCTOR = [LAUNCHER, 'doctor', '--all-hosts']
/** A copy of the launcher that runs `-e 0` instead of the CLI. */
const NOTHING = '/tmp/bench-node'
const COPY = `sed 's|"$root[^"]*/cli[.][a-z]*" "$@"|-e 0|' ${LAUNCHER} > ${NOTHING} && grep -q -e '-e 0' ${NOTHING}`
/** The mirrors have worked in what was written. */
const REST_MS = 5_000

type Listing = keyof typeof LISTINGS
type Turn = Listing | 'nothing' | 'shell' | 'trace'

/** @returns its wall time (ms). @throws Error where it prints fewer lines */
async function took(host: Host, argv: readonly string[], lines = 0): Promise<number> {
  const { ms, result } = await timed(() => host.sh(['sh', ...argv]))
  const printed = result.stdout.split('\n').length - 1
  if (printed < lines)
    throw new Error(`${argv.join(' ')} printed ${printed} lines instead of ${lines}`)
  return ms
}

function rowsOf(times: Readonly<Record<Turn, readonly number[]>>): readonly Row[] {
  // what a way into the lab's host costs is no part of it
  const way = median(times.shell)
  const of = (turn: Turn): number => median(times[turn]) - way
  const to = (value: number) => ({ is: '<=', value }) as const
  return [
    { what: 'node -e 0, by the same loader', unit: 'ms', ours: of('nothing') },
    ...(Object.keys(LISTINGS) as Listing[]).map((name): Row => {
      return { what: `tsoverlay ${name}`, unit: 'ms', ours: of(name), goal: to(150) }
    }),
    { what: 'tsoverlay trace, between two hosts', unit: 'ms', ours: of('trace'), goal: to(1_000) },
  ]
}

/** How long it takes, and how many hosts have answered in time. */
async function doctor(host: Host, log: Bench['log']): Promise<readonly Row[]> {
  const [all, answered]: [number[], number[]] = [[], []]
  for (let round = 0; round < DOCTORS; round += 1) {
    const { ms, result } = await timed(() => host.sh(['sh', ...DOCTOR], { check: false }))
    const last = result.stdout.trimEnd().split('\n').at(-1) ?? ''
    log(`doctor --all-hosts: ${(ms / 1_000).toFixed(1)} s: ${last}`)
    all.push(ms / 1_000)
    answered.push(Number(/ on (\d+) hosts$/.exec(last)?.[1] ?? 0))
  }
  const what = `tsoverlay doctor --all-hosts, 3 hosts and ${HOSTS} control halves on this machine`
  const goal = { is: '>=', value: HOSTS + 3 } as const
  return [
    { what, unit: 's', ours: median(all), goal: { is: '<=', value: 10 } },
    {
      what: `the same: hosts that have answered, the fewest of ${DOCTORS} runs`,
      unit: '',
      ours: Math.min(...answered),
      goal,
    },
  ]
}

function times(host: Host, log: Bench['log']): Promise<Record<Turn, number[]>> {
  const listings = Object.entries(LISTINGS).map(([name, lines]) => {
    return [name, () => took(host, [LAUNCHER, ...name.split(' ')], lines)]
  })
  const turns = {
    ...(Object.fromEntries(listings) as Record<Listing, () => Promise<number>>),
    nothing: () => took(host, [NOTHING]),
    shell: () => took(host, ['-c', 'exit 0']),
    trace: () => took(host, TRACE, 5),
  }
  return interleaved(ROUNDS, turns, log)
}

async function measure({ lab, log }: Bench): Promise<readonly Row[]> {
  const [host, other] = [lab.host(1), lab.host(2)]
  const population = new Population(lab.etcd.endpoint)
  const workers = new ClusterWorkers()
  try {
    await createNetwork(host, LISTED, ['--subnet', POOL])
    for (const each of [host, other])
      await createNetwork(each, WALKED, ['--subnet', '10.33.0.0/16'])
    await runSleeper(host, 'from', WALKED)
    await runSleeper(other, 'to', WALKED)
    await runSleeper(host, 'listener', LISTED)
    await population.put(recordsOf((await population.networks()).get(POOL) ?? ''))
    await workers.start(lab.etcd.endpoint)
    await host.sh(['sh', '-c', COPY])
    await sleep(REST_MS)
    const rows = [...rowsOf(await times(host, log))]
    // hosts that have no kernel do not answer on the underlay
    await host.docker(['rm', '-f', 'listener'])
    await sleep(REST_MS)
    rows.push(...(await doctor(host, log)))
    const commands = { nothing: [NOTHING], listing: [LAUNCHER, 'endpoints'], trace: TRACE }
    return [...rows, ...(await besideRows(host, WALKED, { ...commands, doctor: DOCTOR }, log))]
  } finally {
    await workers.end()
    for (const each of [host, other])
      await each.docker(['rm', '-f', 'from', 'to', 'listener'], { check: false })
    for (const prefix of ['endpoints', 'attached', 'networks', 'hosts', 'alive', 'gates'])
      await population.removeBenchOf(prefix)
    for (const each of [host, other])
      await each.docker(['network', 'rm', WALKED, LISTED], { check: false })
    population.close()
    await host.sh(['rm', '-f', NOTHING])
  }
}

export const commandLine: Measurement = {
  name: 'cli',
  title: `the command line with ${HOSTS + 3} hosts and ${ENDPOINTS + HOSTS} endpoints`,
  run: measure,
}
