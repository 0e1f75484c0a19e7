/** A container on each host that nothing is done to: what it says to the others is never lost. */
import { appearsOn } from '../e2e/synced.js'
import { eventually } from '../e2e/traces.js'
import { Ping } from '../faults/pings.js'
import type { Host } from '../lab/host.js'
import type { Lab } from '../lab/lab.js'
import { addressOf, createNetwork, runSleeper } from '../lab/tsoverlay.js'

/** Its network, which no operation names. */
export const STEADY = 'steady'
/** A host that boots may take so long to start what is to run always. */
const RUNS_MS = 60_000

/** One a host, which comes back with its dockerd. */
export async function startSteady(lab: Lab): Promise<void> {
  await createNetwork(lab.host(1), STEADY, ['--subnet', '10.30.0.0/16'])
  await appearsOn(lab.hosts, STEADY)
  for (const host of lab.hosts) await runSleeper(host, STEADY, STEADY, ['--restart', 'always'])
}

/** Pings around the hosts while `work` goes on. @returns what was lost, in words */
export async function whilePinging(lab: Lab, work: () => Promise<unknown>): Promise<string[]> {
  const pids = await Promise.all(lab.hosts.map(pidOf))
  const pairs = await Promise.all(
    lab.hosts.map(async (from, index) => {
      const to = lab.host(1 + ((index + 1) % lab.hosts.length))
      const ping = new Ping(from, pids[index] ?? '', await addressOf(to, STEADY, STEADY))
      return { way: `${from.name} to ${to.name}`, ping }
    }),
  )
  const silent: string[] = []
  for (const { way, ping } of pairs) {
    await ping.answered().catch(() => silent.push(`steady: ${way}: no answer`))
  }
  try {
    await work()
  } finally {
    for (const { way, ping } of pairs) {
      const { sent, lost } = await ping.end()
      if (lost > 0) silent.push(`steady: ${way}: ${lost} of ${sent} pings lost`)
    }
  }
  return silent
}

/** @throws Error if it does not come to run */
async function pidOf(host: Host): Promise<string> {
  const format = ['inspect', '-f', '{{.State.Pid}}', STEADY]
  const read = async () => (await host.docker(format, { check: false })).stdout.trim()
  const pid = await eventually(read, (one) => one !== '' && one !== '0', RUNS_MS)
  if (pid === '' || pid === '0') throw new Error(`${host.name}: ${STEADY} does not run`)
  return pid
}
