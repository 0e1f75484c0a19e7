/** What the churn does to a host, drawn from a seed. */
import fc from 'fast-check'
import type { Host } from '../lab/host.js'

export const NETWORKS = ['blue', 'red', 'inner'] as const

const KINDS = [
  'run',
  'runFixed',
  'stop',
  'start',
  'restart',
  'kill',
  'remove',
  'connect',
  'disconnect',
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

const operation: fc.Arbitrary<Operation> = fc.record({
  kind: fc.constantFrom(...KINDS, 'run', 'run', 'remove'),
  network: fc.constantFrom(...NETWORKS),
  slot: fc.nat({ max: SLOTS - 1 }),
  address: fc.tuple(fc.integer({ min: 200, max: 203 }), fc.integer({ min: 1, max: 8 })),
})

/** @returns the same operations for the same seed */
export function draw(seed: number, count: number): Operation[] {
  return fc.sample(operation, { seed, numRuns: count })
}

/** Two bytes of each network's subnet. */
export const SUBNETS: Readonly<Record<string, string>> = {
  blue: '10.20',
  red: '10.30',
  inner: '10.40',
}

function command(host: Host, { kind, network, slot, address }: Operation): string[] {
  const name = `${host.name}-c${slot}`
  const run = ['run', '-d', '--name', name, '--net', network]
  const commands: Readonly<Record<Kind, string[]>> = {
    run: [...run, 'lab', 'sleep', '3600'],
    runFixed: [...run, '--ip', `${SUBNETS[network]}.${address.join('.')}`, 'lab', 'sleep', '3600'],
    stop: ['stop', '-t', '0', name],
    start: ['start', name],
    restart: ['restart', '-t', '0', name],
    kill: ['kill', name],
    remove: ['rm', '-f', name],
    connect: ['network', 'connect', network, name],
    disconnect: ['network', 'disconnect', network, name],
  }
  return commands[kind]
}

/**
 * What docker may say to an operation that does not fit the moment: no such container, not running,
 * connected already, an address that another container holds.
 */
const EXPECTED =
  /No such container|already in use by container|is not running|is already (running|started|in progress)|already exists in network|is not connected|cannot (kill|connect|restart)|is held by a container|Cannot (kill|restart)|not connected to/i

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
