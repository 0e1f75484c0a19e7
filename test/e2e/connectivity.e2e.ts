import t from 'tap'
import { expectPing, fetchPage, pingAll } from '../lab/conncheck.js'
import type { Host } from '../lab/host.js'
import { addressOf, createNetwork, inSandbox, runSleeper, sandboxOf } from '../lab/tsoverlay.js'
import { sharedLab } from './shared-lab.js'
import { eventually, fdb, neighbours } from './traces.js'

const SUBNET = ['--subnet', '10.20.0.0/16']

t.test('containers on three hosts', async (t) => {
  const lab = await sharedLab(t)
  for (const host of lab.hosts) await createNetwork(host, 'blue', SUBNET)
  const placed: { host: Host; container: string; address: string }[] = []
  for (const host of lab.hosts) {
    const container = `c-${host.name}`
    await runSleeper(host, container, 'blue')
    placed.push({ host, container, address: await addressOf(host, container, 'blue') })
  }
  const [first, second] = placed
  if (first === undefined || second === undefined) throw new Error('no containers')

  t.test('have addresses of their own', async (t) => {
    t.equal(new Set(placed.map(({ address }) => address)).size, placed.length)
    t.ok(placed.every(({ address }) => address.startsWith('10.20.')))
  })

  t.test('reach each other, every pair both ways', async () => {
    await pingAll(
      placed.flatMap((from) =>
        placed
          .filter((to) => to !== from)
          .map((to) => ({ from: from.host, container: from.container, to: to.address })),
      ),
    )
  })

  t.test('are one network of the cluster with one VNI', async (t) => {
    const vnis = new Set<number>()
    for (const { host } of placed) {
      const text = await inSandbox(host, await sandboxOf(host, 'blue'), [
        'ip',
        '-j',
        '-d',
        'link',
        'show',
        'vxlan0',
      ])
      vnis.add(JSON.parse(text)[0].linkinfo.info_data.id)
    }
    t.equal(vnis.size, 1)
  })

  t.test('stand in the kernel of every other host as permanent entries', async (t) => {
    for (const { host } of placed) {
      const others = placed.filter((one) => one.host !== host)
      const sandbox = await sandboxOf(host, 'blue')
      const known = await eventually(
        () => neighbours(host, sandbox),
        (map) => map.size === others.length,
      )
      t.same([...known.keys()].sort(), others.map(({ address }) => address).sort())
      const vteps = [...(await fdb(host, sandbox)).values()].sort()
      t.same(vteps, others.map((one) => one.host.address).sort())
    }
  })

  t.test('have the MTU of the underlay less the encapsulation', async (t) => {
    const { stdout } = await first.host.docker([
      'exec',
      first.container,
      'cat',
      '/sys/class/net/eth0/mtu',
    ])
    t.equal(stdout.trim(), '1450')
  })

  t.test('reach the outside by eth1 and docker_gwbridge', async (t) => {
    const { stdout } = await first.host.docker(['exec', first.container, 'ip', 'route'])
    t.match(stdout, /^default via \S+ dev eth1/m)
    t.match(stdout, /^10\.20\.0\.0\/16 dev eth0/m)
    await expectPing(first.host, first.container, second.host.address)
  })

  t.test('take packets above the MTU', async () => {
    await expectPing(first.host, first.container, second.address)
    await first.host.docker([
      'exec',
      first.container,
      'ping',
      '-c',
      '2',
      '-s',
      '8000',
      second.address,
    ])
  })

  t.test('take 100 MB over TCP unchanged', { timeout: 180_000 }, async (t) => {
    const serve =
      'mkdir -p /www && dd if=/dev/urandom of=/www/big bs=1M count=100 2>/dev/null && httpd -p 8081 -h /www && sha256sum </www/big'
    const sent = await second.host.docker(['exec', second.container, 'sh', '-c', serve])
    const fetch = `wget -q -O - http://${second.address}:8081/big | sha256sum`
    const got = await first.host.docker(['exec', first.container, 'sh', '-c', fetch], {
      timeoutMs: 120_000,
    })
    t.equal(got.stdout, sent.stdout)
  })

  t.test('resolve each other by name on one host, by Docker’s own DNS', async () => {
    await runSleeper(first.host, 'neighbour', 'blue')
    await expectPing(first.host, first.container, 'neighbour')
  })
})

t.test('a published port answers on the host', async (t) => {
  const lab = await sharedLab(t)
  const [one, two] = [lab.host(1), lab.host(2)]
  await createNetwork(one, 'blue', SUBNET)
  await runSleeper(one, 'web', 'blue', ['-p', '8080:80'])
  await one.docker([
    'exec',
    'web',
    'sh',
    '-c',
    'mkdir /www; echo hello >/www/index.html; httpd -h /www',
  ])
  const { stdout } = await two.sh([
    'busybox',
    'wget',
    '-q',
    '-T',
    '5',
    '-O',
    '-',
    `http://${one.address}:8080/`,
  ])
  t.equal(stdout.trim(), 'hello')
})

t.test('an internal network has no eth1 and no default route', async (t) => {
  const lab = await sharedLab(t)
  const [one, two] = [lab.host(1), lab.host(2)]
  for (const host of [one, two]) await createNetwork(host, 'inner', [...SUBNET, '--internal'])
  await runSleeper(one, 'ca', 'inner')
  await runSleeper(two, 'cb', 'inner')
  const routes = (await one.docker(['exec', 'ca', 'ip', 'route'])).stdout
  const links = (await one.docker(['exec', 'ca', 'ip', '-o', 'link'])).stdout
  t.notMatch(routes, /default/)
  t.notMatch(links, /eth1/)
  await expectPing(one, 'ca', await addressOf(two, 'cb', 'inner'))
})

t.test('a page crosses hosts on the first packet after the start', async (t) => {
  const lab = await sharedLab(t)
  const [one, two] = [lab.host(1), lab.host(2)]
  for (const host of [one, two]) await createNetwork(host, 'blue', SUBNET)
  await runSleeper(two, 'server', 'blue')
  await two.docker([
    'exec',
    'server',
    'sh',
    '-c',
    'mkdir /www; echo hi >/www/index.html; httpd -h /www',
  ])
  const address = await addressOf(two, 'server', 'blue')
  const { stdout } = await one.docker([
    'run',
    '--rm',
    '--net',
    'blue',
    'lab',
    'wget',
    '-q',
    '-T',
    '2',
    '-O',
    '-',
    `http://${address}/`,
  ])
  t.equal(stdout.trim(), 'hi')
  t.equal((await fetchPage(two, 'server', `http://${address}/`)).trim(), 'hi')
})
