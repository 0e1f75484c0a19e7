/**
 * The wall time of a listing, the CLI's own start included, with 200 hosts and 10,000 endpoints that
 * exist in the store only. Reference: a Node that does nothing, by the same loader.
 */
import { sleep } from '../lab/exec.js'
import type { Host } from '../lab/host.js'
import { createNetwork } from '../lab/tsoverlay.js'
import type { Measurement, Row } from './measurement.js'
import { inhabitant, Population } from './population.js'
import { interleaved, median, timed } from './statistics.js'

const POOL = '10.31.0.0/16'
const NETWORK = 'listed'
const COUNT = 10_000
const ROUNDS = 20
const LISTINGS = ['status', 'hosts', 'networks', 'endpoints', 'ipam', 'dns ls'] as const
const LAUNCHER = '/run/tsoverlay/cli'
/** The mirrors have worked in what was written. */
const REST_MS = 5_000

/** A copy of the launcher that runs `-e 0` instead of the CLI. */
const NOTHING = '/tmp/bench-node'
const COPY = `sed 's|"\\$root/app/cli.cjs"|-e 0|; s|if \\[ ! -e "\\$root.*"|if [ ! -e "$root"|' ${LAUNCHER} > ${NOTHING}`

async function took(host: Host, argv: readonly string[]): Promise<number> {
  const { ms } = await timed(() => host.sh(['sh', ...argv], { timeoutMs: 60_000 }))
  return ms
}

type Turn = (typeof LISTINGS)[number] | 'nothing' | 'shell'

function rowsOf(times: Readonly<Record<Turn, readonly number[]>>): readonly Row[] {
  // what a way into the lab's host costs is no part of it
  const way = median(times.shell)
  const nothing = median(times.nothing) - way
  const listings = LISTINGS.map((name): Row => {
    const ours = median(times[name]) - way
    return { what: `tsoverlay ${name}`, unit: 'ms', ours, goal: { is: '<=', value: 150 } }
  })
  return [{ what: 'node -e 0, by the same loader', unit: 'ms', ours: nothing }, ...listings]
}

export const commandLine: Measurement = {
  name: 'cli',
  title: `listings of 200 hosts and ${COUNT} endpoints`,

  async run({ lab, log }) {
    const host = lab.host(1)
    const population = new Population(lab.etcd.endpoint)
    await createNetwork(host, NETWORK, ['--subnet', POOL])
    try {
      await population.hosts()
      const key = (await population.networks()).get(POOL) ?? ''
      await population.put(Array.from({ length: COUNT }, (_, at) => inhabitant(key, POOL, at)))
      await host.sh(['sh', '-c', COPY])
      await sleep(REST_MS)
      const listings = LISTINGS.map((name) => [name, [LAUNCHER, ...name.split(' ')]] as const)
      const argvs = [...listings, ['nothing', [NOTHING]], ['shell', ['-c', 'exit 0']]] as const
      const turns = Object.fromEntries(argvs.map(([name, argv]) => [name, () => took(host, argv)]))
      return rowsOf(await interleaved(ROUNDS, turns as Record<Turn, () => Promise<number>>, log))
    } finally {
      await population.clear()
      population.close()
      await host.docker(['network', 'rm', NETWORK], { check: false })
      await host.sh(['rm', '-f', NOTHING])
    }
  },
}
