/**
 * The command line in a cluster of 200 hosts and 10,000 endpoints: how long people wait for it, and what
 * it costs a container that starts beside it.
 */
import { sleep } from '../lab/exec.js'
import type { Host } from '../lab/host.js'
import { createNetwork, runSleeper } from '../lab/tsoverlay.js'
import { startsBeside } from './cli-beside.js'
import { checkListings, listings } from './cli-listings.js'
import { makeNothing, NOTHING } from './cli-took.js'
import { traces } from './cli-trace.js'
import { ENDPOINTS, POOL, World } from './cli-world.js'
import type { Bench, Measurement, Row } from './measurement.js'

const NETWORK = 'listed'
/** The mirrors have worked in what was written. */
const REST_MS = 5_000

/** A container of the network on each of both hosts. */
async function furnish(hosts: readonly Host[]): Promise<void> {
  for (const [at, host] of hosts.entries()) {
    await createNetwork(host, NETWORK, ['--subnet', POOL])
    await runSleeper(host, `bench-cli-${at}`, NETWORK)
  }
}

async function tidy(hosts: readonly Host[]): Promise<void> {
  for (const [at, host] of hosts.entries()) {
    await host.docker(['rm', '-f', `bench-cli-${at}`], { check: false })
    await host.docker(['network', 'rm', NETWORK], { check: false })
  }
}

const TRACE = 'trace bench-cli-0 bench-cli-1'

async function measure({ lab, log }: Bench): Promise<readonly Row[]> {
  const host = lab.host(1)
  await makeNothing(host)
  await checkListings(host)
  const listed = await listings(host, log)
  const traced = await traces(host, TRACE, log)
  const verbs = { 'tsoverlay endpoints': 'endpoints', 'tsoverlay trace': TRACE }
  return [...listed, ...traced, ...(await startsBeside(host, NETWORK, verbs, log))]
}

export const commandLine: Measurement = {
  name: 'cli',
  title: `the command line with 200 hosts and ${ENDPOINTS} endpoints`,

  async run(bench) {
    const { lab } = bench
    const hosts = [lab.host(1), lab.host(2)]
    const world = new World(lab.etcd.endpoint)
    try {
      await furnish(hosts)
      await world.write()
      await sleep(REST_MS)
      return await measure(bench)
    } finally {
      await world.clear()
      await tidy(hosts)
      await lab.host(1).sh(['rm', '-f', NOTHING])
    }
  },
}
