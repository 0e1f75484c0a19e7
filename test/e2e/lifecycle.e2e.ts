import t, { type Test } from 'tap'
import { clear } from '../lab/clear.js'
import { expectPing } from '../lab/conncheck.js'
import type { Host } from '../lab/host.js'
import type { Lab } from '../lab/lab.js'
import { addressOf, createNetwork, runSleeper, sandboxOf } from '../lab/tsoverlay.js'
import { sharedLab } from './shared-lab.js'
import { eventually, heldAddresses, kernelTraces, neighbours, ports, storeKeys } from './traces.js'

const SUBNET = ['--subnet', '10.20.0.0/16']

interface Pair {
  readonly lab: Lab
  readonly one: Host
  readonly two: Host
  /** sandbox of the network on host two, which watches what host one does */
  readonly sandbox: string
}

/** `blue` on two hosts, with a container on the second that stays. */
async function pair(t: Test): Promise<Pair> {
  const lab = await sharedLab(t)
  const [one, two] = [lab.host(1), lab.host(2)]
  for (const host of [one, two]) await createNetwork(host, 'blue', SUBNET)
  await runSleeper(two, 'watcher', 'blue')
  return { lab, one, two, sandbox: await sandboxOf(two, 'blue') }
}

/** Everything that host one's containers leave: in its own kernel, in the peer's, in the store. */
async function left({ lab, one, two, sandbox }: Pair): Promise<unknown> {
  const watcher = await addressOf(two, 'watcher', 'blue')
  return {
    kernel: await kernelTraces(one),
    neighbours: [...(await neighbours(two, sandbox)).keys()],
    endpoints: (await storeKeys(lab, 'endpoints/')).length,
    lent: (await storeKeys(lab, 'addresses/')).filter((key) => !key.endsWith('/10.20.0.1')),
    held: [...(await heldAddresses(one)), ...(await heldAddresses(two))].filter(
      (address) => address !== watcher,
    ),
  }
}

const NOTHING = { kernel: [], neighbours: [], endpoints: 1, lent: [], held: [] }

async function nothingLeft(t: Test, pair: Pair): Promise<void> {
  const wanted = JSON.stringify(NOTHING)
  t.same(
    await eventually(
      () => left(pair),
      (value) => JSON.stringify(value) === wanted,
    ),
    NOTHING,
  )
}

t.test('docker rm -f leaves nothing behind', async (t) => {
  const both = await pair(t)
  await runSleeper(both.one, 'ca', 'blue')
  await expectPing(both.two, 'watcher', await addressOf(both.one, 'ca', 'blue'))
  await both.one.docker(['rm', '-f', 'ca'])
  await nothingLeft(t, both)
})

t.test('a restart keeps the container reachable and leaves one entry', async (t) => {
  const both = await pair(t)
  await runSleeper(both.one, 'ca', 'blue')
  await both.one.docker(['restart', '-t', '0', 'ca'])
  const address = await addressOf(both.one, 'ca', 'blue')
  await expectPing(both.two, 'watcher', address)
  const known = await eventually(
    () => neighbours(both.two, both.sandbox),
    (map) => map.size === 1,
  )
  t.same([...known.keys()], [address])
  t.equal((await ports(both.one, await sandboxOf(both.one, 'blue'))).length, 1)
  await both.one.docker(['rm', '-f', 'ca'])
  await nothingLeft(t, both)
})

t.test('network connect and disconnect on a running container', async (t) => {
  const both = await pair(t)
  await both.one.docker(['run', '-d', '--name', 'ca', 'lab', 'sleep', '3600'])
  await both.one.docker(['network', 'connect', 'blue', 'ca'])
  await expectPing(both.two, 'watcher', await addressOf(both.one, 'ca', 'blue'))
  await both.one.docker(['network', 'disconnect', 'blue', 'ca'])
  await nothingLeft(t, both)
  await both.one.docker(['network', 'connect', 'blue', 'ca'])
  await expectPing(both.two, 'watcher', await addressOf(both.one, 'ca', 'blue'))
  await both.one.docker(['rm', '-f', 'ca'])
  await nothingLeft(t, both)
})

t.test('the sandbox lives from the first join to the last leave', async (t) => {
  const both = await pair(t)
  t.same(await kernelTraces(both.one), [], 'creating a network makes nothing in the kernel')
  await runSleeper(both.one, 'ca', 'blue')
  await runSleeper(both.one, 'cb', 'blue')
  const sandbox = await sandboxOf(both.one, 'blue')
  t.same(await kernelTraces(both.one), [sandbox])
  t.equal((await ports(both.one, sandbox)).length, 2)
  await both.one.docker(['rm', '-f', 'ca'])
  t.same(await kernelTraces(both.one), [sandbox])
  await both.one.docker(['rm', '-f', 'cb'])
  await nothingLeft(t, both)
})

t.test('many containers at once start, are reachable and leave nothing', async (t) => {
  const both = await pair(t)
  const names = Array.from({ length: 8 }, (_, index) => `c${index}`)
  await Promise.all(names.map((name) => runSleeper(both.one, name, 'blue')))
  const addresses = await Promise.all(names.map((name) => addressOf(both.one, name, 'blue')))
  t.equal(new Set(addresses).size, names.length)
  for (const address of addresses) await expectPing(both.two, 'watcher', address)
  await both.one.docker(['rm', '-f', ...names])
  await nothingLeft(t, both)
})

t.test('removing the network everywhere empties the store', async (t) => {
  const both = await pair(t)
  await runSleeper(both.one, 'ca', 'blue')
  await clear(both.lab)
  t.same(
    await eventually(
      () => storeKeys(both.lab),
      (keys) => keys.length === 0,
    ),
    [],
  )
  for (const host of both.lab.hosts) t.same(await kernelTraces(host), [])
})

t.test('a host that removes the network leaves the others alone', async (t) => {
  const both = await pair(t)
  const three = both.lab.host(3)
  await createNetwork(three, 'blue', SUBNET)
  await runSleeper(three, 'cc', 'blue')
  await runSleeper(both.one, 'ca', 'blue')
  await both.one.docker(['rm', '-f', 'ca'])
  await both.one.docker(['network', 'rm', 'blue'])
  await expectPing(both.two, 'watcher', await addressOf(three, 'cc', 'blue'))
  // And it can come back to the same network.
  await createNetwork(both.one, 'blue', SUBNET)
  await runSleeper(both.one, 'ca', 'blue')
  await expectPing(both.two, 'watcher', await addressOf(both.one, 'ca', 'blue'))
})

t.test('a wanted address is kept over a remove and a new start', async (t) => {
  const both = await pair(t)
  for (let round = 0; round < 3; round += 1) {
    await runSleeper(both.one, 'ca', 'blue', ['--ip', '10.20.7.7'])
    await expectPing(both.two, 'watcher', '10.20.7.7')
    await both.one.docker(['rm', '-f', 'ca'])
  }
  await nothingLeft(t, both)
})

t.test('a chosen MAC is the container’s and the peers know it', async (t) => {
  const both = await pair(t)
  await runSleeper(both.one, 'ca', 'blue', ['--mac-address', '02:42:de:ad:be:ef'])
  const address = await addressOf(both.one, 'ca', 'blue')
  await expectPing(both.two, 'watcher', address)
  const known = await eventually(
    () => neighbours(both.two, both.sandbox),
    (map) => map.size === 1,
  )
  t.equal(known.get(address), '02:42:de:ad:be:ef')
})
