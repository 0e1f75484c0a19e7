/** Addresses by blocks, on three dockerds. */
import t from 'tap'
import { expectPing } from '../lab/conncheck.js'
import type { Host } from '../lab/host.js'
import { addressOf, createNetwork, DRIVER, runSleeper } from '../lab/tsoverlay.js'
import { createOn } from './clusterwide.js'
import { sharedLab } from './shared-lab.js'
import { eventually, storeKeys } from './traces.js'

async function start(host: Host, network: string, ...flags: string[]): Promise<string> {
  const argv = ['run', '-d', '--net', network, ...flags, 'lab', 'sleep', '3600']
  const { code, stderr } = await host.docker(argv, { check: false })
  return code === 0 ? 'it started' : stderr
}

t.test('containers start while etcd is away, and talk when it is back', async (t) => {
  const lab = await sharedLab(t)
  const [one, two] = [lab.host(1), lab.host(2)]
  await createOn([one, two], 'blue', ['--subnet', '10.20.0.0/16'])
  await lab.etcd.stop()
  try {
    await runSleeper(one, 'ca', 'blue')
    await runSleeper(two, 'cb', 'blue')
  } finally {
    await lab.etcd.start()
  }
  const [a, b] = [await addressOf(one, 'ca', 'blue'), await addressOf(two, 'cb', 'blue')]
  t.not(a, b)
  await expectPing(one, 'ca', b)
  await expectPing(two, 'cb', a)
})

t.test("--ip in another host's block is asked of its owner", async (t) => {
  const lab = await sharedLab(t)
  const [one, two] = [lab.host(1), lab.host(2)]
  await createOn([one, two], 'blue', ['--subnet', '10.20.0.0/16'])
  await runSleeper(one, 'ca', 'blue', ['--ip', '10.20.9.7'])
  await runSleeper(two, 'cb', 'blue', ['--ip', '10.20.9.8'])
  await expectPing(two, 'cb', '10.20.9.7')
  t.match(
    await start(two, 'blue', '--ip', '10.20.9.7'),
    /10\.20\.9\.7 .* is held by a container on host h1 \(endpoint [0-9a-f]{12}\)/,
  )
  const keys = await storeKeys(lab)
  t.same(
    keys.filter((key) => key.includes('/addresses/') && !key.endsWith('/10.20.0.1')),
    ['/tsoverlay/addresses/_/10.20.0.0-16/10.20.9.8'],
    'one key for the loan, none for the owner',
  )
  await two.docker(['rm', '-f', 'cb'])
  const again = await eventually(
    () => start(one, 'blue', '--ip', '10.20.9.8'),
    (said) => said === 'it started',
  )
  t.equal(again, 'it started', 'the loan came back')
})

t.test('a full first subnet goes on in the second, then the network is full', async (t) => {
  const lab = await sharedLab(t)
  const one = lab.host(1)
  await createNetwork(one, 'two', ['--subnet', '10.21.0.0/29', '--subnet', '10.22.0.0/29'])
  const names = Array.from({ length: 10 }, (_, at) => `c${at}`)
  for (const name of names) await runSleeper(one, name, 'two')
  const addresses = await Promise.all(names.map((name) => addressOf(one, name, 'two')))
  t.equal(new Set(addresses).size, 10)
  t.equal(addresses.filter((address) => address.startsWith('10.22.')).length, 5)
  t.match(
    await start(one, 'two'),
    /10\.2[12]\.0\.0\/29 has no free address left: it has 6 addresses, most of them \(6\) in blocks of h1/,
  )
  await one.docker(['rm', '-f', 'c9'])
  t.equal(await start(one, 'two'), 'it started', 'an address of the second subnet is free again')
})

t.test('a block size that does not fit is refused', async (t) => {
  const lab = await sharedLab(t)
  const flags = ['--subnet', '10.23.0.0/24', '--ipam-opt', 'block=22']
  const argv = ['network', 'create', '-d', DRIVER, '--ipam-driver', DRIVER, ...flags, 'wrong']
  const { stderr } = await lab.host(1).docker(argv, { check: false })
  t.match(stderr, /--ipam-opt block=22 is not valid: allowed is a prefix length from 24 to 30/)
  t.same(await storeKeys(lab), [])
})

t.test('a block size for each family', async (t) => {
  const lab = await sharedLab(t)
  const subnets = ['--ipv6', '--subnet', '10.23.0.0/24', '--subnet', 'fd23::/64']
  await createNetwork(lab.host(1), 'dual', [...subnets, '--ipam-opt', 'block=29,124'])
  await runSleeper(lab.host(1), 'ca', 'dual')
  const blocks = await storeKeys(lab, 'blocks/')
  t.same(
    blocks.map((key) => key.split('/').at(-1)).sort(),
    ['10.23.0.0-29', 'fd23::-124'],
    blocks.join(' '),
  )
})
