/**
 * What names cost a host with many containers, none of which asks. The same containers, on a network
 * without names, and in turns on one with names as well.
 */
import { sleep } from '../lab/exec.js'
import type { Host } from '../lab/host.js'
import { createNetwork, runSleeper } from '../lab/tsoverlay.js'
import type { Bench, Row } from './measurement.js'
import { cpuOf } from './remote.js'
import { interleaved, median } from './statistics.js'

const COUNT = 200
/** Docker clients at the same time; more only wait for each other. */
const AT_ONCE = 4
const ROUNDS = 3
/** V8 collects at leisure what the change before has left behind, 10 to 40 s later. */
const REST_MS = 60_000
const IDLE_S = 30
const LIMIT = { timeoutMs: 300_000 }
const SILENT = 'silent'
const NAMED = 'silent-named'

const names = Array.from({ length: COUNT }, (_, at) => `silent${at}`)

async function forEach(task: (name: string) => Promise<unknown>): Promise<void> {
  const left = names.values()
  const worker = async (): Promise<void> => {
    for (const name of left) await task(name)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
}

/** @returns CPU of the plugin, of one core (%) */
async function cpuShare(host: Host): Promise<number> {
  await sleep(REST_MS)
  const before = cpuOf(host)
  await sleep(IDLE_S * 1_000)
  return (100 * (cpuOf(host) - before)) / IDLE_S
}

/** Namespaces in which the plugin answers questions. */
async function served(host: Host): Promise<number> {
  const { stdout } = await host.sh(['sh', '/run/tsoverlay/cli', 'status', '--json'])
  return JSON.parse(stdout).names?.namespaces
}

export async function idle({ lab, log }: Bench): Promise<readonly Row[]> {
  const host = lab.host(3)
  const internal = ['--internal', '--subnet']
  await createNetwork(host, SILENT, [...internal, '10.27.0.0/16', '-o', 'dns=off'])
  await createNetwork(host, NAMED, [...internal, '10.28.0.0/16'])
  try {
    await forEach((name) => runSleeper(host, name, SILENT))
    log(`${COUNT} containers are there`)
    const took = await interleaved(
      ROUNDS,
      {
        without: (round) => (round === 0 ? Promise.resolve(0) : cpuShare(host)),
        named: async (round) => {
          if (round === 0) return 0
          await forEach((name) => host.docker(['network', 'connect', NAMED, name], LIMIT))
          const value = await cpuShare(host)
          const count = await served(host)
          if (count !== COUNT) throw new Error(`${count} of ${COUNT} containers are answered`)
          await forEach((name) => host.docker(['network', 'disconnect', NAMED, name], LIMIT))
          return value
        },
      },
      log,
    )
    const [without, named] = [median(took.without), median(took.named)]
    const what = `CPU of an agent, ${COUNT} containers that do not ask, of one core`
    return [
      { what, unit: '%', ours: named, reference: { name: '-o dns=off', value: without } },
      {
        what: `${what}, what names add`,
        unit: '%',
        ours: Math.max(0, named - without),
        goal: { is: '<=', value: 0.5 },
      },
    ]
  } finally {
    await host.docker(['rm', '-f', ...names], { ...LIMIT, check: false })
    await host.docker(['network', 'rm', SILENT, NAMED], { check: false })
  }
}
