/** What the churn does to a host, drawn from a seed. */
import fc from 'fast-check'
import type { Host } from '../lab/host.js'
import { DRIVER } from '../lab/tsoverlay.js'

export const NETWORKS = ['blue', 'red', 'inner'] as const

const KINDS = [
  'run',
  'runFixed',
  'create',
  'runLoop',
  'stop',
  'start',
  'restart',
  'kill',
  'pause',
  'unpause',
  'remove',
  'rename',
  'connect',
  'disconnect',
  'makeNetwork',
  'removeNetwork',
  'prune',
] as const
type Kind = (typeof KINDS)[number]

export interface Operation {
  readonly kind: Kind
  readonly network: string
  /** which of the host's container names */
  readonly slot: number
  /** last two bytes of a wanted address */
  readonly address: readonly [number, number]
}

/** Containers of one host at the most. */
const SLOTS = 6
/** Of a container that ends by itself and is restarted by dockerd again and again. */
export const LOOP_LABEL = 'churn.loop'

const operation: fc.Arbitrary<Operation> = fc.record({
  kind: fc.constantFrom(...KINDS, 'run', 'run', 'start', 'remove', 'makeNetwork', 'makeNetwork'),
  network: fc.constantFrom(...NETWORKS),
  slot: fc.nat({ max: SLOTS - 1 }),
  address: fc.tuple(fc.integer({ min: 200, max: 203 }), fc.integer({ min: 1, max: 8 })),
})

/** @returns the same operations for the same seed */
export function draw(seed: number, count: number): Operation[] {
  return fc.sample(operation, { seed, numRuns: count })
}

/** Two bytes of each network's subnet; one is left to dockerd, as who writes no flags has it. */
const SUBNETS: Readonly<Record<string, string>> = { blue: '10.20', inner: '10.40' }

/** `docker network create` with what the churn's networks have. */
export function creationOf(network: string): string[] {
  const subnet = SUBNETS[network]
  const ipam = ['--ipam-driver', DRIVER, '--subnet', `${subnet}.0.0/16`]
  return [
    ...['network', 'create', '-d', DRIVER],
    ...(subnet === undefined ? [] : ipam),
    ...(network === 'inner' ? ['--internal'] : []),
    network,
  ]
}

function command(host: Host, { kind, network, slot, address }: Operation): string[] {
  const name = `${host.name}-c${slot}`
  const run = ['run', '-d', '--name', name, '--net', network]
  const fixed = `${SUBNETS[network] ?? SUBNETS['blue']}.${address.join('.')}`
  const sleeps = ['lab', 'sleep', '3600']
  const loops = ['--restart', 'always', '--label', LOOP_LABEL, 'lab', 'sleep', '0.3']
  const commands: Readonly<Record<Kind, string[]>> = {
    run: [...run, ...sleeps],
    runFixed: [
      'run',
      '-d',
      '--name',
      name,
      '--net',
      fixedNetwork(network),
      '--ip',
      fixed,
      ...sleeps,
    ],
    create: ['create', '--name', name, '--net', network, ...sleeps],
    runLoop: [...run, ...loops],
    stop: ['stop', '-t', '0', name],
    start: ['start', name],
    restart: ['restart', '-t', '0', name],
    kill: ['kill', name],
    pause: ['pause', name],
    unpause: ['unpause', name],
    remove: ['rm', '-f', name],
    rename: ['rename', name, `${host.name}-c${(slot + 1) % SLOTS}`],
    connect: ['network', 'connect', network, name],
    disconnect: ['network', 'disconnect', network, name],
    makeNetwork: creationOf(network),
    removeNetwork: ['network', 'rm', network],
    prune: ['network', 'prune', '-f'],
  }
  return commands[kind]
}

/** One that has a subnet of the user's: dockerd takes `--ip` on no other. */
const fixedNetwork = (network: string): string => (network in SUBNETS ? network : 'blue')

/**
 * What docker may say to an operation that does not fit the moment: no such container or network, not
 * running, paused, connected already, an address that another container holds, a network in use.
 */
const EXPECTED =
  /No such container|already in use by container|is not running|is already (running|started|in progress|paused)|already exists|is not connected|cannot (kill|connect|restart|pause)|is held by a container|Cannot (kill|restart|pause)|not connected to|is not paused|is paused|cannot start a paused|is restarting|[Nn]etwork \S+ not found|No such network|has active endpoints|in use|marked for removal|same name as/i

export type Verdict = 'done' | 'refused' | { readonly unexpected: string }

/** Does one operation and says how docker took it. */
export async function perform(host: Host, operation: Operation): Promise<Verdict> {
  const argv = command(host, operation)
  const { code, stderr } = await host.docker(argv, { check: false, timeoutMs: 60_000 })
  if (code === 0) return 'done'
  if (
    operation.kind.startsWith('run') &&
    !/No such container|already in use by container/.test(stderr)
  ) {
    // A container that could not start stays as "created": nothing may be left of its endpoint.
    await host.docker(['rm', '-f', `${host.name}-c${operation.slot}`], { check: false })
  }
  return EXPECTED.test(stderr)
    ? 'refused'
    : { unexpected: `${host.name}: docker ${argv.join(' ')}: ${stderr.trim()}` }
}
