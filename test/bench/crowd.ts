/**
 * Fifty containers at once on one host, until one on another host reaches them all. The same on the
 * bridge and with no network at all, until all have started: what no driver can take away.
 */
import type { Host } from '../lab/host.js'
import { createNetwork, runSleeper } from '../lab/tsoverlay.js'
import type { Bench, Measurement, Row } from './measurement.js'
import { cpuOf } from './remote.js'
import { interleaved, median } from './statistics.js'

const COUNT = 50
/** A round takes a minute or more: fewer than of the other measurements. */
const ROUNDS = 3
const LIMIT = { timeoutMs: 300_000 }
const OURS = 'crowd'

const names = Array.from({ length: COUNT }, (_, at) => `crowd${at}`)

/** In one call, as each start of the client takes time from what is measured. */
async function addressesOf(host: Host, network: string): Promise<readonly string[]> {
  const format = `{{(index .NetworkSettings.Networks "${network}").IPAddress}}`
  const { stdout } = await host.docker(['inspect', '-f', format, ...names], LIMIT)
  return stdout.trim().split('\n')
}

async function reach(host: Host, looker: Host, network: string): Promise<void> {
  const addresses = await addressesOf(host, network)
  const script = `for ip in ${addresses.join(' ')}; do until ping -c 1 -W 1 -q $ip; do :; done; done`
  await looker.docker(['exec', `looker-${network}`, 'sh', '-c', script], LIMIT)
}

/**
 * @param done what is waited for after all have started
 * @returns milliseconds from the first `docker run` on
 */
async function round(
  host: Host,
  network: string,
  done: () => Promise<void> = async () => {},
): Promise<number> {
  const before = performance.now()
  try {
    const run = (name: string) => ['run', '-d', '--name', name, '--net', network]
    await Promise.all(
      names.map((name) => host.docker([...run(name), 'lab', 'sleep', '600'], LIMIT)),
    )
    await done()
    return performance.now() - before
  } finally {
    await host.docker(['rm', '-f', ...names], { ...LIMIT, check: false })
  }
}

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
    const lookers = [OURS, theirs].map((network) => `looker-${network}`)
    for (const network of [OURS, theirs]) await runSleeper(two, `looker-${network}`, network)
    try {
      return rowsOf(await rounds(one, two, theirs, log))
    } finally {
      await two.docker(['rm', '-f', ...lookers], { check: false })
      for (const host of [one, two]) await host.docker(['network', 'rm', OURS], { check: false })
    }
  },
}
