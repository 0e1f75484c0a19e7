import t from 'tap'
import { expectPing } from '../lab/conncheck.js'
import type { Host } from '../lab/host.js'
import { addressOf, createNetwork, DRIVER, PLUGIN, runSleeper } from '../lab/tsoverlay.js'
import { setSync, sharedLab } from './shared-lab.js'
import { appearsOn, common, countOf, goesFrom, idOf, inspect, problems } from './synced.js'
import { eventually, storeKeys } from './traces.js'

const SUBNET = ['--subnet', '10.20.0.0/16']

/** Empty when the host does not have the network. */
async function subnetsOf(host: Host, name: string): Promise<string> {
  const format = '{{range .IPAM.Config}}{{.Subnet}}{{end}}'
  const argv = ['network', 'inspect', '-f', format, name]
  return (await host.docker(argv, { check: false })).stdout.trim()
}

t.test('a network made on one host is on all within 2 s, as it is', async (t) => {
  const { hosts } = await sharedLab(t, 'on')
  const [one, ...others] = hosts
  if (one === undefined) throw new Error('no host')
  await createNetwork(one, 'blue', [
    ...SUBNET,
    '--ip-range=10.20.4.0/22',
    '--gateway=10.20.0.9',
    '--aux-address=printer=10.20.0.7',
    '--attachable',
    '--label=com.docker.compose.project=shop',
    '--label=com.docker.compose.network=blue',
    '-o=com.docker.network.driver.mtu=1400',
  ])
  const since = Date.now()
  t.equal(await appearsOn(others, 'blue'), others.length)
  const took = Date.now() - since
  t.ok(took < 2_000, `${took} ms`)
  for (const host of others) t.same(await common(host, 'blue'), await common(one, 'blue'))
  for (const host of hosts) await runSleeper(host, `c-${host.name}`, 'blue')
  for (const host of others)
    await expectPing(one, `c-${one.name}`, await addressOf(host, `c-${host.name}`, 'blue'))
})

t.test('--internal and a subnet of IPAM’s choice are the same everywhere', async (t) => {
  const { hosts } = await sharedLab(t, 'on')
  const [one, two, three] = hosts
  if (!one || !two || !three) throw new Error('three hosts are needed')
  await createNetwork(two, 'inner', ['--internal'])
  t.equal(await appearsOn(hosts, 'inner'), 3)
  for (const host of [one, three]) t.same(await common(host, 'inner'), await common(two, 'inner'))
  t.match(await common(one, 'inner'), { Internal: true })
})

/** @returns the addresses of two containers on `plain` */
async function startTwo(host: Host): Promise<string[]> {
  const addresses: string[] = []
  for (const name of [`${host.name}-1`, `${host.name}-2`]) {
    await runSleeper(host, name, 'plain')
    addresses.push(await addressOf(host, name, 'plain'))
  }
  return addresses
}

t.test('without --ipam-driver it works on all hosts', async (t) => {
  const { hosts } = await sharedLab(t, 'on')
  const [one] = hosts
  if (one === undefined) throw new Error('no host')
  await one.docker(['network', 'create', '-d', DRIVER, 'plain'])
  t.equal(await appearsOn(hosts, 'plain'), 3)
  const addresses = (await Promise.all(hosts.map(startTwo))).flat()
  t.equal(new Set(addresses).size, 2 * hosts.length, addresses.join(' '))
  for (const address of addresses.slice(1)) await expectPing(one, `${one.name}-1`, address)
})

t.test('removed on one host and used by nobody, it goes everywhere', async (t) => {
  const lab = await sharedLab(t, 'on')
  const { hosts } = lab
  await createNetwork(lab.host(1), 'blue', SUBNET)
  t.equal(await appearsOn(hosts, 'blue'), 3)
  await lab.host(2).docker(['network', 'rm', 'blue'])
  t.equal(await goesFrom(hosts, 'blue'), 0)
  const left = eventually(
    () => storeKeys(lab),
    (keys) => keys.length === 0,
  )
  t.same(await left, [])
})

t.test(
  'removed on one host while another uses it, it comes back and the log says why',
  async (t) => {
    const lab = await sharedLab(t, 'on')
    const [one, two] = [lab.host(1), lab.host(2)]
    await createNetwork(one, 'blue', SUBNET)
    t.equal(await appearsOn(lab.hosts, 'blue'), 3)
    await runSleeper(two, 'web', 'blue')
    const before = await idOf(one, 'blue')
    await one.docker(['network', 'rm', 'blue'])
    t.equal(await appearsOn([one], 'blue'), 1)
    t.not(await idOf(one, 'blue'), before)
    t.match(await one.dockerd.log(200), /created here again, as others use it/)
    t.match(await one.dockerd.log(200), /usedBy[^}]*h2[^}]*1/)
    await runSleeper(one, 'app', 'blue')
    await expectPing(one, 'app', await addressOf(two, 'web', 'blue'))
  },
)

t.test('two hosts that create one name at once end with one network', async (t) => {
  const lab = await sharedLab(t, 'on')
  const [one, two] = [lab.host(1), lab.host(2)]
  await Promise.allSettled([
    createNetwork(one, 'blue', SUBNET),
    createNetwork(two, 'blue', ['--subnet', '10.21.0.0/16']),
  ])
  const views = () => Promise.all(lab.hosts.map((host) => subnetsOf(host, 'blue')))
  const agreed = await eventually(views, (all) => {
    return new Set(all).size === 1 && !all.includes('')
  })
  t.match(agreed[0], /^10\.2[01]\.0\.0\/16$/)
  t.same(new Set(agreed).size, 1, agreed.join(' '))
})

t.test('a host with NETWORK_SYNC=off is left alone, and gets all when it is on', async (t) => {
  const lab = await sharedLab(t, 'on')
  const three = lab.host(3)
  t.teardown(() => setSync(three, 'on'))
  await setSync(three, 'off')
  await createNetwork(lab.host(1), 'blue', SUBNET)
  t.equal(await appearsOn([lab.host(2)], 'blue'), 1)
  await createNetwork(three, 'own', ['--subnet', '10.30.0.0/16'])
  t.equal(await countOf([three], 'blue'), 0)
  t.equal(await countOf([lab.host(1), lab.host(2)], 'own'), 0)
  await setSync(three, 'on')
  t.equal(await appearsOn([three], 'blue'), 1)
  t.equal(await appearsOn(lab.hosts, 'own'), 3)
})

t.test('a host whose dockerd was down gets what came and loses what went', async (t) => {
  const lab = await sharedLab(t, 'on')
  const [one, two] = [lab.host(1), lab.host(2)]
  await createNetwork(one, 'old', ['--subnet', '10.31.0.0/16'])
  t.equal(await appearsOn(lab.hosts, 'old'), 3)
  await two.dockerd.stop()
  await one.docker(['network', 'rm', 'old'])
  await createNetwork(one, 'new', ['--subnet', '10.32.0.0/16'])
  await two.dockerd.start()
  t.equal(await appearsOn([two], 'new'), 1)
  t.equal(await goesFrom(lab.hosts, 'old'), 0)
})

t.test('a restart of the plugin changes nothing', async (t) => {
  const lab = await sharedLab(t, 'on')
  const two = lab.host(2)
  await createNetwork(lab.host(1), 'blue', SUBNET)
  t.equal(await appearsOn(lab.hosts, 'blue'), 3)
  const ids = await Promise.all(lab.hosts.map((host) => idOf(host, 'blue')))
  await two.docker(['plugin', 'disable', '-f', PLUGIN], { timeoutMs: 60_000 })
  await two.docker(['plugin', 'enable', PLUGIN], { timeoutMs: 60_000 })
  await eventually(
    () => problems(two),
    (text) => text === '{"docker":true,"problems":[]}',
  )
  t.same(await Promise.all(lab.hosts.map((host) => idOf(host, 'blue'))), ids)
})

t.test('a name that another driver has on one host concerns only that host', async (t) => {
  const lab = await sharedLab(t, 'on')
  const [one, two, three] = [lab.host(1), lab.host(2), lab.host(3)]
  await two.docker(['network', 'create', '-d', 'bridge', 'blue'])
  t.teardown(() => two.docker(['network', 'rm', 'blue'], { check: false }))
  await createNetwork(one, 'blue', SUBNET)
  t.equal(await appearsOn([one, three], 'blue'), 2)
  const said = eventually(
    () => problems(two),
    (text) => text.includes('driver bridge'),
  )
  t.match(await said, /"network":"blue".*taken on this host by a network of driver bridge/)
  t.match(await two.dockerd.log(200), /network is not in sync/)
  t.match(await inspect(two, 'blue'), { Driver: 'bridge' })
  await two.docker(['network', 'rm', 'blue'])
  const replaced = eventually(
    () => inspect(two, 'blue'),
    (network) => network?.['Driver'] === DRIVER,
  )
  t.match(await replaced, { Driver: DRIVER })
})
