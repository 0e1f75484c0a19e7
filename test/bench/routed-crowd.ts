/** Fifty containers at once on one host, until one on another host reaches them all: routed networks and the overlay. */
import type { Host } from '../lab/host.js'
import { createNetwork, runSleeper } from '../lab/tsoverlay.js'
import { COUNT, lookerOf, reach, round } from './crowd-round.js'
import type { Bench, Measurement, Row } from './measurement.js'
import { cpuOf } from './remote.js'
import { createRouted, ROUTED, type Routed } from './routed.js'
import { interleaved, median } from './statistics.js'

/** As of `crowd`. */
const ROUNDS = 3

const OVERLAY = 'overlay'
type Turn = Routed | typeof OVERLAY

const POOLS: Readonly<Record<Turn, string>> = {
  overlay: '10.25.0.0/16',
  'host-gw': '10.26.0.0/16',
  vxlan: '10.27.0.0/16',
}
const TURNS = [OVERLAY, ...ROUTED] as const

const networkOf = (turn: Turn): string => `crowd-${turn}`

async function create(host: Host): Promise<void> {
  await createNetwork(host, networkOf(OVERLAY), ['--subnet', POOLS.overlay])
  for (const backend of ROUTED) {
    await createRouted(host, networkOf(backend), backend, POOLS[backend])
  }
}

interface Taken {
  /** until all were reached, s */
  readonly wall: number
  /** CPU time of the agent until then, s */
  readonly cpu: number
}

async function rounds(
  one: Host,
  two: Host,
  log: Bench['log'],
): Promise<Readonly<Record<Turn, Taken>>> {
  const cpu: Record<Turn, number[]> = { overlay: [], 'host-gw': [], vxlan: [] }
  const task = (turn: Turn) => async (): Promise<number> => {
    const network = networkOf(turn)
    const before = cpuOf(one)
    return await round(one, network, async () => {
      await reach(one, two, network)
      cpu[turn].push(cpuOf(one) - before)
    })
  }
  const tasks = { overlay: task(OVERLAY), 'host-gw': task('host-gw'), vxlan: task('vxlan') }
  const wall = await interleaved(ROUNDS, tasks, log)
  const of = (turn: Turn): Taken => ({
    wall: median(wall[turn]) / 1_000,
    cpu: median(cpu[turn].slice(1)),
  })
  return { overlay: of(OVERLAY), 'host-gw': of('host-gw'), vxlan: of('vxlan') }
}

function rowsOf(took: Readonly<Record<Turn, Taken>>): readonly Row[] {
  const common = { unit: 's' } as const
  return ROUTED.flatMap((backend): readonly Row[] => [
    {
      ...common,
      what: `${COUNT} containers at once, all reached, ${backend}`,
      ours: took[backend].wall,
      reference: { name: 'our overlay', value: took.overlay.wall },
      goal: { is: '<=', value: 1 },
    },
    {
      ...common,
      what: `CPU time of the agent for ${COUNT} containers at once, ${backend}`,
      ours: took[backend].cpu,
      reference: { name: 'our overlay', value: took.overlay.cpu },
    },
  ])
}

export const routedCrowd: Measurement = {
  name: 'routed-crowd',
  title: `${COUNT} containers at once on routed networks and on the overlay, ${ROUNDS} rounds`,

  async run({ lab, log }) {
    const [one, two] = [lab.host(1), lab.host(2)]
    const networks = TURNS.map(networkOf)
    try {
      for (const host of [one, two]) await create(host)
      for (const network of networks) await runSleeper(two, lookerOf(network), network)
      return rowsOf(await rounds(one, two, log))
    } finally {
      await two.docker(['rm', '-f', ...networks.map(lookerOf)], { check: false })
      for (const host of [one, two])
        await host.docker(['network', 'rm', ...networks], { check: false })
    }
  },
}
