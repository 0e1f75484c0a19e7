/** What names cost a host with many containers, none of which asks. */
import { sleep } from '../lab/exec.js'
import type { Host } from '../lab/host.js'
import { createNetwork, runSleeper } from '../lab/tsoverlay.js'
import type { Bench, Row } from './measurement.js'
import { cpuOf } from './remote.js'

const COUNT = 200
/** Started at the same time; more only wait for each other. */
const AT_ONCE = 4
/** What the start has left to do is done. */
const REST_MS = 20_000
const IDLE_S = 60
const LIMIT = { timeoutMs: 300_000 }

const names = Array.from({ length: COUNT }, (_, at) => `silent${at}`)

/** @returns CPU of the plugin, of one core (%) */
async function idleWith(host: Host, flags: readonly string[], log: Bench['log']): Promise<number> {
  const network = 'silence'
  await createNetwork(host, network, ['--internal', '--subnet', '10.27.0.0/16', ...flags])
  try {
    const left = names.values()
    const worker = async (): Promise<void> => {
      for (const name of left) await runSleeper(host, name, network)
    }
    await Promise.all(Array.from({ length: AT_ONCE }, worker))
    await sleep(REST_MS)
    log(`${COUNT} containers ${flags.join(' ') || 'with names'}: idle for ${IDLE_S} s`)
    const before = cpuOf(host)
    await sleep(IDLE_S * 1_000)
    return (100 * (cpuOf(host) - before)) / IDLE_S
  } finally {
    await host.docker(['rm', '-f', ...names], { ...LIMIT, check: false })
    await host.docker(['network', 'rm', network], { check: false })
  }
}

export async function idle({ lab, log }: Bench): Promise<readonly Row[]> {
  const host = lab.host(3)
  const without = await idleWith(host, ['-o', 'dns=off'], log)
  const whole = await idleWith(host, [], log)
  const what = `CPU of an idle agent, ${COUNT} containers, of one core`
  return [
    { what, unit: '%', ours: whole, reference: { name: '-o dns=off', value: without } },
    {
      what: `${what}, what names add`,
      unit: '%',
      ours: Math.max(0, whole - without),
      goal: { is: '<=', value: 0.5 },
    },
  ]
}
