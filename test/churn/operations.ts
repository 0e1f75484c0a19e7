/** What the churn does to a host, drawn from a seed. */
import fc from 'fast-check'
import type { Host } from '../lab/host.js'
import { DRIVER } from '../lab/tsoverlay.js'

interface Flags {
  /** first two bytes of the subnet; absent: dockerd chooses it, as for who writes no flags */
  readonly subnet?: string
  readonly flags?: readonly string[]
  /** each host has a /24 of its own */
  readonly routed?: true
}

const VXLAN = ['-o', 'backend=vxlan']
const SHORT = [...VXLAN, '-o', 'encap=cross-subnet', '-o', 'gateway=bridge']

const CREATION: Readonly<Record<string, Flags>> = {
  blue: { subnet: '10.20' },
  red: {},
  inner: { subnet: '10.40', flags: ['--internal'] },
  green: { subnet: '10.50', flags: VXLAN, routed: true },
  lime: { subnet: '10.60', flags: SHORT, routed: true },
  gold: { subnet: '10.70', flags: ['-o', 'backend=host-gw'], routed: true },
}

/** Of each backend at least one. */
export const NETWORKS: readonly string[] = Object.keys(CREATION)

const KINDS = [
  'run',
  'runFixed',
  'runPublished',
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
  /** last two bytes of a wanted address, where a network is not routed */
  readonly address: readonly [number, number]
}

/** Containers of one host at the most. */
const SLOTS = 8
/** Of a container that ends by itself and is restarted by dockerd again and again. */
export const LOOP_LABEL = 'churn.loop'

/** Third byte of the lowest wanted address. */
const FIXED = 200

/** As many containers are made as are removed, so that most operations find what they need. */
const OFTEN: readonly Kind[] = [
  ...(['run', 'run', 'runFixed', 'start', 'connect', 'disconnect'] as const),
  ...(['remove', 'remove', 'remove', 'remove', 'makeNetwork', 'makeNetwork'] as const),
]

const operation: fc.Arbitrary<Operation> = fc.record({
  kind: fc.constantFrom(...KINDS, ...OFTEN),
  network: fc.constantFrom(...NETWORKS),
  slot: fc.nat({ max: SLOTS - 1 }),
  address: fc.tuple(fc.integer({ min: FIXED, max: FIXED + 3 }), fc.integer({ min: 1, max: 8 })),
})

/** @returns the same operations for the same seed */
export function draw(seed: number, count: number): Operation[] {
  return fc.sample(operation, { seed, numRuns: count })
}

/** `docker network create` with what the churn's networks have. */
export function creationOf(network: string): string[] {
  const { subnet, flags = [] } = CREATION[network] ?? {}
  const ipam = ['--ipam-driver', DRIVER, '--subnet', `${subnet}.0.0/16`]
  return [
    ...['network', 'create', '-d', DRIVER],
    ...(subnet === undefined ? [] : ipam),
    ...flags,
    network,
  ]
}

/** `--net … --ip …` of a network with a subnet of the user's: dockerd takes `--ip` on no other. */
function fixedOn(network: string, [third, last]: Operation['address']): string[] {
  const name = CREATION[network]?.subnet === undefined ? 'blue' : network
  const { subnet, routed } = CREATION[name] ?? {}
  // In the blocks of the first hosts, each also asked for by the others, and in one that is nobody's.
  const rest = routed ? [third - FIXED, 100 + last] : [third, last]
  return ['--net', name, '--ip', `${subnet}.${rest.join('.')}`]
}

function command(host: Host, { kind, network, slot, address }: Operation): string[] {
  const name = `${host.name}-c${slot}`
  const run = ['run', '-d', '--name', name, '--net', network]
  const sleeps = ['lab', 'sleep', '3600']
  const loops = ['--restart', 'always', '--label', LOOP_LABEL, 'lab', 'sleep', '0.3']
  const commands: Readonly<Record<Kind, string[]>> = {
    run: [...run, ...sleeps],
    runFixed: ['run', '-d', '--name', name, ...fixedOn(network, address), ...sleeps],
    runPublished: [...run, '-p', `${8000 + slot}:80`, ...sleeps],
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

/**
 * What docker may say to an operation that does not fit the moment: no such container or network, not
 * running, paused, connected already, an address that another container holds, a network in use, a routed
 * network's subnet that another host has just made it with.
 */
const EXPECTED =
  /No such container|already in use by container|is not running|is already (running|started|in progress|paused)|already exists|is not connected|cannot (kill|connect|restart|pause)|is held by a container|Cannot (kill|restart|pause)|not connected to|is not paused|is paused|cannot start a paused|is restarting|[Nn]etwork \S+ not found|No such network|port is already allocated|which all hosts have routes to|has active endpoints|in use|marked for removal|same name as/i

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
