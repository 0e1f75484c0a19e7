/**
 * TCP between two containers, across hosts and on one host: iperf3 for throughput, ping-pong.ts for
 * requests. Both run in the containers' network namespaces, so that the image needs neither.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { run, sleep } from '../lab/exec.js'
import type { Host } from '../lab/host.js'
import { addressOf, createNetwork, runSleeper } from '../lab/tsoverlay.js'
import type { Bench, Goal, Measurement, Row } from './measurement.js'
import { interleaved, median } from './statistics.js'

const ROUNDS = 9
/** A request's time depends on what else the scheduler does: more turns, as each is cheap. */
const REQUEST_ROUNDS = 15
const SECONDS = 1
const PING_PONG = fileURLToPath(new URL('./ping-pong.ts', import.meta.url))

/** Where traffic begins or ends: a namespace of a host, and its address. */
interface Place {
  /** as the outside sees it */
  readonly netns: string
  readonly host: Host
  readonly address: string
}

async function container(host: Host, name: string, network: string): Promise<Place> {
  await runSleeper(host, name, network)
  const { stdout } = await host.docker(['inspect', '-f', '{{.State.Pid}}', name])
  const netns = host.path(`/proc/${stdout.trim()}/ns/net`)
  return { host, netns, address: await addressOf(host, name, network) }
}

const bare = (host: Host): Place => ({
  host,
  netns: host.path('/proc/1/ns/net'),
  address: host.address,
})

function at(place: Place, argv: readonly string[]): string[] {
  return ['nsenter', `--net=${place.netns}`, ...argv]
}

/** iperf3 is in the host's root, not on the machine: with the mounts of the one and the net of the other. */
function iperf(place: Place, argv: readonly string[]): string[] {
  const mounts = `--mount=/proc/${place.host.initPid}/ns/mnt`
  return ['nsenter', mounts, `--net=${place.netns}`, '--', 'iperf3', ...argv]
}

const node = (argv: readonly string[]): string[] => [
  process.execPath,
  '--import',
  'tsx',
  PING_PONG,
  ...argv,
]

/** Servers at a place, until `end`. */
async function serve(place: Place): Promise<() => void> {
  const start = ([command = '', ...rest]: readonly string[]): ChildProcess =>
    spawn(command, rest, { stdio: ['ignore', 'ignore', 'inherit'] })
  const children = [start(iperf(place, ['-s'])), start(at(place, node(['serve'])))]
  await sleep(1_500)
  if (children.some(({ exitCode }) => exitCode !== null)) throw new Error('a server ended')
  return () => {
    for (const child of children) child.kill()
  }
}

/** @returns Mbit/s as received */
async function stream(from: Place, to: Place, streams: number): Promise<number> {
  const argv = ['-c', to.address, '-t', `${SECONDS}`, '-P', `${streams}`, '-J']
  const { stdout } = await run(iperf(from, argv))
  return JSON.parse(stdout).end.sum_received.bits_per_second / 1e6
}

/** @returns requests a second */
async function requests(from: Place, to: Place): Promise<number> {
  const { stdout } = await run(at(from, node(['ask', to.address, `${SECONDS}`])))
  return Number(stdout)
}

type Kind = 'ours' | 'native' | 'underlay' | 'near' | 'bridge'
type Path = readonly [Place, Place]

async function paths(bench: Bench): Promise<Readonly<Record<Kind, Path>>> {
  const { lab } = bench
  const [one, two] = [lab.host(1), lab.host(2)]
  const native = await bench.native()
  for (const host of [one, two]) await createNetwork(host, 'wire', ['--subnet', '10.24.0.0/16'])
  const from = await container(one, 'wire-a', 'wire')
  return {
    ours: [from, await container(two, 'wire-b', 'wire')],
    native: [await container(one, 'native-a', native), await container(two, 'native-b', native)],
    underlay: [bare(one), bare(two)],
    near: [from, await container(one, 'wire-c', 'wire')],
    bridge: [
      await container(one, 'bridge-a', 'bridge'),
      await container(one, 'bridge-b', 'bridge'),
    ],
  }
}

async function measure(bench: Bench): Promise<readonly Row[]> {
  const ends: (() => void)[] = []
  try {
    const path = await paths(bench)
    for (const [, to] of Object.values(path)) ends.push(await serve(to))
    const rows: Row[] = []
    for (const streams of [1, 8]) {
      bench.log(`TCP, ${streams} streams`)
      const took = await each(path, ROUNDS, (from, to) => stream(from, to, streams))
      rows.push(
        ...rowsOf(`TCP, ${streams} ${streams === 1 ? 'stream' : 'streams'}`, 'Mbit/s', took),
      )
    }
    bench.log('requests')
    rows.push(
      ...rowsOf('TCP, request and response', '/s', await each(path, REQUEST_ROUNDS, requests)),
    )
    return rows
  } finally {
    for (const end of ends) end()
    await clear(bench)
  }
}

async function each(
  path: Readonly<Record<Kind, Path>>,
  rounds: number,
  measureOne: (from: Place, to: Place) => Promise<number>,
): Promise<Record<Kind, number>> {
  const task = (kind: Kind) => () => measureOne(...path[kind])
  const values = await interleaved(rounds, {
    ours: task('ours'),
    native: task('native'),
    underlay: task('underlay'),
    near: task('near'),
    bridge: task('bridge'),
  })
  const medians = Object.entries(values).map(([kind, found]) => [kind, median(found)])
  return Object.fromEntries(medians) as Record<Kind, number>
}

function rowsOf(what: string, unit: Row['unit'], took: Readonly<Record<Kind, number>>): Row[] {
  const row = (place: string, ours: number, name: string, value: number, goal: Goal): Row => ({
    what: `${what}, ${place}`,
    unit,
    ours,
    reference: { name, value },
    goal,
  })
  const atLeast = (value: number): Goal => ({ is: '>=', value })
  return [
    row('across hosts', took.ours, 'swarm overlay', took.native, atLeast(1)),
    row('across hosts', took.ours, 'bare underlay', took.underlay, atLeast(0.85)),
    row('on one host', took.near, 'bridge', took.bridge, atLeast(1)),
  ]
}

async function clear({ lab }: Bench): Promise<void> {
  const names = ['wire-a', 'wire-b', 'wire-c', 'native-a', 'native-b', 'bridge-a', 'bridge-b']
  for (const host of [lab.host(1), lab.host(2)]) {
    await host.docker(['rm', '-f', ...names], { check: false })
    await host.docker(['network', 'rm', 'wire'], { check: false })
  }
}

export const throughput: Measurement = {
  name: 'throughput',
  title: 'TCP across hosts and on one host',
  run: measure,
}
