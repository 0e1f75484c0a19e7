/**
 * TCP between two places, in turns over several paths: iperf3 for throughput, ping-pong.ts for requests.
 * Both run in the places' network namespaces, so that a container's image needs neither.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { run, sleep } from '../lab/exec.js'
import type { Host } from '../lab/host.js'
import { addressOf, runSleeper } from '../lab/tsoverlay.js'
import type { Row } from './measurement.js'
import { interleaved, median } from './statistics.js'

const ROUNDS = 9
/** A request's time depends on what else the scheduler does: more turns, as each is cheap. */
const REQUEST_ROUNDS = 15
const SECONDS = 1
const PING_PONG = fileURLToPath(new URL('./ping-pong.ts', import.meta.url))

/** Where traffic begins or ends: a namespace of a host, and its address. */
export interface Place {
  /** as the outside sees it */
  readonly netns: string
  readonly host: Host
  readonly address: string
}

/** Starts one that sleeps. */
export async function container(host: Host, name: string, network: string): Promise<Place> {
  await runSleeper(host, name, network)
  const { stdout } = await host.docker(['inspect', '-f', '{{.State.Pid}}', name])
  const netns = host.path(`/proc/${stdout.trim()}/ns/net`)
  return { host, netns, address: await addressOf(host, name, network) }
}

/** The host itself, with no container. */
export const bare = (host: Host): Place => ({
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

export type Path = readonly [Place, Place]

/** What one kind of traffic reached, the median on each path. */
export interface Traffic<K extends string> {
  /** for people */
  readonly what: string
  readonly unit: Row['unit']
  readonly on: Readonly<Record<K, number>>
}

/** One stream, eight, and requests, on all paths in turns. */
export async function traffic<K extends string>(
  paths: Readonly<Record<K, Path>>,
  log: (line: string) => void,
): Promise<readonly Traffic<K>[]> {
  const ends: (() => void)[] = []
  try {
    for (const [, to] of Object.values<Path>(paths)) ends.push(await serve(to))
    const found: Traffic<K>[] = []
    for (const [streams, called] of [
      [1, '1 stream'],
      [8, '8 streams'],
    ] as const) {
      log(`TCP, ${called}`)
      const on = await each(paths, ROUNDS, (from, to) => stream(from, to, streams))
      found.push({ what: `TCP, ${called}`, unit: 'Mbit/s', on })
    }
    log('requests')
    const on = await each(paths, REQUEST_ROUNDS, requests)
    return [...found, { what: 'TCP, request and response', unit: '/s', on }]
  } finally {
    for (const end of ends) end()
  }
}

async function each<K extends string>(
  paths: Readonly<Record<K, Path>>,
  rounds: number,
  measureOne: (from: Place, to: Place) => Promise<number>,
): Promise<Record<K, number>> {
  const kinds = Object.keys(paths) as K[]
  const tasks = kinds.map((kind) => {
    const path: Path = paths[kind]
    return [kind, () => measureOne(...path)]
  })
  const values = await interleaved(rounds, Object.fromEntries(tasks) as Tasks<K>)
  return Object.fromEntries(kinds.map((kind) => [kind, median(values[kind])])) as Record<K, number>
}

type Tasks<K extends string> = Record<K, () => Promise<number>>
