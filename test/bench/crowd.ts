/**
 * Fifty containers at once on one host, until one on another host reaches them all. The same on the
 * bridge and with no network at all, until all have started: what no driver can take away.
 */
import type { Host } from '../lab/host.js'
import { createNetwork, runSleeper } from '../lab/tsoverlay.js'
import { COUNT, lookerOf, reach, round } from './crowd-round.js'
import type { Bench, Measurement, Row } from './measurement.js'
import { cpuOf } from './remote.js'
import { interleaved, median } from './statistics.js'

/** A round takes a minute or more: fewer than of the other measurements. */
const ROUNDS = 3
const OURS = 'crowd'

/** Swarm's manager gives an attachment 20 s (moby daemon/cluster/networks.go), and may miss that. */
async function untilAttached(log: Bench['log'], take: () => Promise<number>): Promise<number> {
  for (let left = 2; ; left -= 1) {
    try {
      return await take()
    } catch (error) {
      if (left === 0 || !String(error).includes('attaching to network failed')) throw error
      log('swarm did not attach all in time; the turn is taken again')
    }
  }
}

/** All four in turns, with the CPU time of our agent in each of ours (s). */
async function rounds(one: Host, two: Host, theirs: string, log: Bench['log']) {
  const cpu: number[] = []
  const ours = async (): Promise<number> => {
    const before = cpuOf(one)
    return await round(one, OURS, async () => {
      await reach(one, two, OURS)
      cpu.push(cpuOf(one) - before)
    })
  }
  const tasks = {
    ours,
    native: () => untilAttached(log, () => round(one, theirs, () => reach(one, two, theirs))),
    bridge: () => round(one, 'bridge'),
    none: () => round(one, 'none'),
  }
  const took = await interleaved(ROUNDS, tasks, log)
  const seconds = (ms: readonly number[]): number => median(ms) / 1_000
  return {
    ours: seconds(took.ours),
    native: seconds(took.native),
    bridge: seconds(took.bridge),
    none: seconds(took.none),
    cpu: median(cpu.slice(1)),
  }
}

function rowsOf(took: Awaited<ReturnType<typeof rounds>>): readonly Row[] {
  const { ours, native, bridge, none, cpu } = took
  const what = `${COUNT} containers at once, all reached`
  const row = { what, unit: 's', ours } as const
  const overlay = 'swarm overlay'
  return [
    { ...row, reference: { name: overlay, value: native }, goal: { is: '<=', value: 0.6 } },
    { ...row, reference: { name: 'bridge, only started', value: bridge } },
    { ...row, reference: { name: 'no network, only started', value: none } },
    {
      what: `${COUNT} containers with no network, started`,
      unit: 's',
      ours: none,
      reference: { name: overlay, value: native },
    },
    {
      what: `${COUNT} containers at once, what the network adds to no network`,
      unit: 's',
      ours: ours - none,
      reference: { name: overlay, value: native - none },
    },
    { what: `CPU time of the agent for ${COUNT} containers at once`, unit: 's', ours: cpu },
  ]
}

export const crowd: Measurement = {
  name: 'crowd',
  title: `${COUNT} containers at once on one host, all reached from another, ${ROUNDS} rounds`,

  async run({ lab, native, log }) {
    const [one, two] = [lab.host(1), lab.host(2)]
    const theirs = await native()
    for (const host of [one, two]) await createNetwork(host, OURS, ['--subnet', '10.25.0.0/16'])
    const lookers = [OURS, theirs].map(lookerOf)
    for (const network of [OURS, theirs]) await runSleeper(two, lookerOf(network), network)
    try {
      return rowsOf(await rounds(one, two, theirs, log))
    } finally {
      await two.docker(['rm', '-f', ...lookers], { check: false })
      for (const host of [one, two]) await host.docker(['network', 'rm', OURS], { check: false })
    }
  },
}
