/** A container on each host that nothing is done to: what it says to the others is never lost. */
import { appearsOn } from '../e2e/synced.js'
import { eventually } from '../e2e/traces.js'
import { Ping } from '../faults/pings.js'
import type { Host } from '../lab/host.js'
import type { Lab } from '../lab/lab.js'
import { addressOf, createNetwork, runSleeper } from '../lab/tsoverlay.js'

const CREATION: Readonly<Record<string, readonly string[]>> = {
  steady: ['--subnet', '10.30.0.0/16'],
  'steady-vxlan': ['--subnet', '10.31.0.0/16', '-o', 'backend=vxlan'],
  'steady-host-gw': ['--subnet', '10.32.0.0/16', '-o', 'backend=host-gw'],
}
/** Its networks, one of each backend, which no operation names. */
export const STEADY: readonly string[] = Object.keys(CREATION)
/** A host that boots may take so long to start what is to run always. */
const RUNS_MS = 60_000

/** One a host and network, named as the network, which comes back with its dockerd. */
export async function startSteady(lab: Lab): Promise<void> {
  for (const [network, flags] of Object.entries(CREATION)) {
    await createNetwork(lab.host(1), network, flags)
    await appearsOn(lab.hosts, network)
    for (const host of lab.hosts) await runSleeper(host, network, network, ['--restart', 'always'])
  }
}

/** Pings around the hosts while `work` goes on. @returns what was lost, in words */
export async function whilePinging(lab: Lab, work: () => Promise<unknown>): Promise<string[]> {
  const pairs = (await Promise.all(STEADY.map((network) => around(lab, network)))).flat()
  const silent: string[] = []
  for (const { way, ping } of pairs) {
    await ping.answered().catch(() => silent.push(`${way}: no answer`))
  }
  try {
    await work()
  } finally {
    const counts = await Promise.all(pairs.map(({ ping }) => ping.end()))
    for (const [at, { sent, lost }] of counts.entries()) {
      if (lost > 0) silent.push(`${pairs[at]?.way}: ${lost} of ${sent} pings lost`)
    }
  }
  return silent
}

/** From each host to the next one. */
function around(lab: Lab, network: string): Promise<{ way: string; ping: Ping }[]> {
  return Promise.all(
    lab.hosts.map(async (from, index) => {
      const to = lab.host(1 + ((index + 1) % lab.hosts.length))
      const pid = await pidOf(from, network)
      const address = await addressOf(to, network, network)
      return { way: `${network}: ${from.name} to ${to.name}`, ping: new Ping(from, pid, address) }
    }),
  )
}

/** @throws Error if it does not come to run */
async function pidOf(host: Host, name: string): Promise<string> {
  const format = ['inspect', '-f', '{{.State.Pid}}', name]
  const read = async () => (await host.docker(format, { check: false })).stdout.trim()
  const pid = await eventually(read, (one) => one !== '' && one !== '0', RUNS_MS)
  if (pid === '' || pid === '0') throw new Error(`${host.name}: ${name} does not run`)
  return pid
}
