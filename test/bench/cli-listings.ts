/** The wall time of each listing, and whether it says what it should. */
import type { Host } from '../lab/host.js'
import { nothingOn, tookOf, tsoverlay, wayInto } from './cli-took.js'
import { ENDPOINTS, OTHERS } from './cli-world.js'
import type { Row } from './measurement.js'
import { HOSTS } from './population.js'
import { interleaved, median } from './statistics.js'

const ROUNDS = 20
const MOST_MS = 150

/** Lines that each must have at least, its head and what the lab's own hosts have included. */
const LISTINGS = {
  status: 6,
  hosts: 1 + HOSTS + 3,
  networks: 1 + OTHERS + 1,
  endpoints: 1 + ENDPOINTS + 2,
  ipam: 1 + OTHERS + 1,
  'dns ls': 1 + ENDPOINTS + 2,
} as const

type Listing = keyof typeof LISTINGS
const NAMES = Object.keys(LISTINGS) as readonly Listing[]

/** @throws Error if a listing leaves something out */
export async function checkListings(host: Host): Promise<void> {
  for (const name of NAMES) {
    const { stdout } = await tsoverlay(host, name)
    const lines = stdout.trimEnd().split('\n').length
    if (lines < LISTINGS[name])
      throw new Error(`tsoverlay ${name} has ${lines} lines, not ${LISTINGS[name]}:\n${stdout}`)
  }
}

/** @param more further verbs that are measured in turn with them, by how they are called in rows */
export async function listings(host: Host, log: (line: string) => void): Promise<readonly Row[]> {
  const turns = Object.fromEntries(
    NAMES.map((name) => [name, () => tookOf(() => tsoverlay(host, name))]),
  )
  const all = { ...turns, nothing: nothingOn(host), way: wayInto(host) }
  const took = await interleaved(ROUNDS, all, log)
  const of = (name: string): number => median(took[name as 'way'] ?? []) - median(took.way)
  return [
    { what: 'node -e 0, by the same loader', unit: 'ms', ours: of('nothing') },
    ...NAMES.map((name): Row => {
      const goal = { is: '<=', value: MOST_MS } as const
      return { what: `tsoverlay ${name}`, unit: 'ms', ours: of(name), goal }
    }),
  ]
}
