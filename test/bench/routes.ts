/** A thousand hosts of a routed network: until all that leads to them is in the kernel. */
import { sleep } from '../lab/exec.js'
import type { Host } from '../lab/host.js'
import { PLUGIN, runSleeper } from '../lab/tsoverlay.js'
import { batchTime } from './batch.js'
import { BLOCKS, batchOf, type Distant, distantHosts, HOSTS, POOL } from './distant.js'
import type { Bench, Measurement, Row } from './measurement.js'
import { Population } from './population.js'
import { assertWays, emptyRoutes, routesOf, untilRoutes } from './route-count.js'
import { createRouted, ROUTED, type Routed } from './routed.js'
import { median } from './statistics.js'

const COUNT = 1_000
const ROUNDS = 7
/** After a removal the agent may look whether all is as it should be. */
const REST_MS = 1_000
const NETWORK = 'distant'
const LIMIT = { timeoutMs: 120_000 }

/** What is measured of one backend. */
interface World {
  readonly host: Host
  readonly backend: Routed
  readonly population: Population
  readonly hosts: readonly Distant[]
}

const plugin = (host: Host, ...argv: readonly string[]) =>
  host.docker(['plugin', ...argv, PLUGIN], LIMIT)

const reference = ({ host, backend, hosts }: World): Promise<number> =>
  batchTime(host, batchOf(backend, host, hosts))

function rowsOf(
  what: string,
  from: readonly [whole: string, after: string],
  took: { readonly whole: number[]; readonly after: number[]; readonly theirs: number[] },
): readonly Row[] {
  const common = {
    unit: 'ms',
    reference: { name: 'ip -batch', value: median(took.theirs) },
  } as const
  const goal = { is: '<=', value: 1.5 } as const
  return [
    { ...common, what: `${what}, ${from[0]}`, ours: median(took.whole) },
    { ...common, what: `${what}, ${from[1]}`, ours: median(took.after), goal },
  ]
}

/** All blocks at once, to a host that knows their hosts. The first round warms up. */
async function burst(world: World): Promise<readonly Row[]> {
  const { host, backend, population, hosts } = world
  const [whole, after, theirs]: [number[], number[], number[]] = [[], [], []]
  const without = routesOf(host)
  for (let round = 0; round <= ROUNDS; round += 1) {
    const before = performance.now()
    await population.put(hosts.map(({ block }) => block))
    const written = performance.now()
    const there = await untilRoutes(host, without + COUNT)
    await assertWays(host, backend, COUNT)
    const reached = await reference(world)
    if (round > 0) {
      whole.push(there - before)
      after.push(there - written)
      theirs.push(reached)
    }
    await population.drop(hosts.map(({ block }) => block))
    await untilRoutes(host, without)
    await sleep(REST_MS)
  }
  const from = ['from the first put on', "from the store's last answer"] as const
  return rowsOf(`routes to ${COUNT} hosts at once, ${backend}`, from, { whole, after, theirs })
}

/** From a kernel without what leads to others to one that has it. */
async function cold(world: World): Promise<readonly Row[]> {
  const { host, backend, population, hosts } = world
  const [whole, after, theirs]: [number[], number[], number[]] = [[], [], []]
  const without = routesOf(host)
  await population.put(hosts.map(({ block }) => block))
  await untilRoutes(host, without + COUNT)
  for (let round = 0; round < ROUNDS; round += 1) {
    await plugin(host, 'disable', '-f')
    await emptyRoutes(host, backend)
    const before = performance.now()
    const enabling = plugin(host, 'enable').then(() => performance.now())
    const there = await untilRoutes(host, without + COUNT)
    const enabled = await enabling
    await assertWays(host, backend, COUNT)
    whole.push(there - before)
    after.push(Math.max(0, there - enabled))
    theirs.push(await reference(world))
  }
  const from = ['with plugin enable', "from the socket's answer"] as const
  return rowsOf(`cold start, routes to ${COUNT} hosts, ${backend}`, from, { whole, after, theirs })
}

async function measure(bench: Bench, backend: Routed): Promise<readonly Row[]> {
  const host = bench.lab.host(3)
  const population = new Population(bench.lab.etcd.endpoint)
  try {
    await createRouted(host, NETWORK, backend, POOL, ['--ipam-opt', 'block=24'])
    await runSleeper(host, NETWORK, NETWORK)
    const own = await population.keys(BLOCKS)
    const ranges = own.map((key) => key.slice(BLOCKS.length).replace('-', '/'))
    const hosts = distantHosts(host, COUNT, new Set(ranges))
    await population.put(hosts.map((each) => each.host))
    const world = { host, backend, population, hosts }
    bench.log(`${backend}: ${COUNT} hosts at once`)
    const rows = await burst(world)
    bench.log(`${backend}: cold start`)
    return [...rows, ...(await cold(world))]
  } finally {
    await host.docker(['rm', '-f', NETWORK], { check: false })
    await population.remove(HOSTS)
    await host.docker(['network', 'rm', NETWORK], { check: false })
    await population.remove(BLOCKS)
    population.close()
  }
}

export const routes: Measurement = {
  name: 'routes',
  title: `routes to ${COUNT} hosts of a routed network`,

  async run(bench) {
    const rows: Row[] = []
    for (const backend of ROUTED) rows.push(...(await measure(bench, backend)))
    return rows
  },
}
