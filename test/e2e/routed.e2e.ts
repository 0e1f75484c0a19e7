/**
 * Routed networks on two layer 2 segments: all pairs of four hosts for each backend and each `encap`,
 * the kernel's tables as Flannel's are, isolation by packets that do not arrive.
 */
import t, { type Test } from 'tap'
import type { Host } from '../lab/host.js'
import { addressOf, runSleeper } from '../lab/tsoverlay.js'
import { createOn, inContainer, refusedRun } from './clusterwide.js'
import { type Placed, pairsOf, placeAll, reachAll, tunnelled } from './placed.js'
import { segmentedLab } from './shared-lab.js'
import { namespaceOf } from './wire.js'

const POOL = '10.44.0.0/16'
const IPAM = ['--ipam-driver', 'tsoverlay', '--subnet', POOL]

/** By docker_gwbridge a container does not come to other networks. */
const OPEN = ['-o', 'isolate=off', '-o', 'gateway=bridge']

const isApart = (from: Placed, to: Placed): boolean => from.host.segment !== to.host.segment

/** The host's main table, without what the lab and Docker have there. */
async function routesOf(host: Host, network = '10.44.'): Promise<string[]> {
  const { stdout } = await host.sh(['ip', 'route'])
  return stdout
    .split('\n')
    .map((line) => line.trim().replace(/ +/g, ' '))
    .filter((line) => line.includes(network))
    .sort()
}

/** `10.44.1.0/24` of `10.44.1.7`. */
const blockOf = (address: string): string => address.replace(/\.\d+$/, '.0/24')
const firstOf = (address: string): string => address.replace(/\.\d+$/, '.0')

/** Which pairs went through the tunnel, as the router saw it. */
function checkTunnels(
  t: Test,
  flows: Awaited<ReturnType<typeof reachAll>>,
  placed: readonly Placed[],
  isTunnelled: boolean,
): void {
  for (const [from, to] of pairsOf(placed)) {
    if (!isApart(from, to)) continue
    const name = `${from.host.name} to ${to.host.name}`
    t.equal(tunnelled(flows, from.host.address, to.host.address), isTunnelled, name)
  }
}

t.test('backend=vxlan, in the tunnel between all hosts', async (t) => {
  const lab = await segmentedLab(t)
  const placed = await placeAll(lab, 'flannel', [...IPAM, '-o', 'backend=vxlan'])
  const [one, two, three, four] = placed
  if (!one || !two || !three || !four) throw new Error('no hosts')

  t.test('all pairs of four hosts reach each other', async (t) => {
    const flows = await reachAll(t, lab, placed)
    checkTunnels(t, flows, placed, true)
    t.notOk(
      flows.some(({ from }) => from.startsWith('10.44.')),
      'no packet of a container without its outer headers',
    )
    t.equal(await inContainer(one.host, 'h1', 'cat /sys/class/net/eth0/mtu'), '1450\n')
  })

  t.test(
    'the kernel has what Flannel has: a route, a neighbour and an FDB entry a host',
    async (t) => {
      const { host } = one
      const links = (await host.sh(['ip', '-o', '-d', 'link'])).stdout
      const tunnel =
        /: (tsv-\d+):.*mtu 1450 .*vxlan id (\d+) local (\S+) .*dstport 4789 .*nolearning/.exec(
          links,
        )
      t.ok(tunnel, links)
      const device = tunnel?.[1] ?? ''
      const bridge = /: (tsb-[0-9a-f]{10}):/.exec(links)?.[1] ?? ''
      const others = [two, three, four]
      const want = [
        `${blockOf(one.address)} dev ${bridge} proto kernel scope link src ${firstOf(one.address).replace(/0$/, '1')}`,
        `blackhole ${blockOf(one.address)} proto 116 metric 4294967040`,
        ...others.map(
          ({ address }) =>
            `${blockOf(address)} via ${firstOf(address)} dev ${device} proto 116 onlink`,
        ),
      ]
      t.same(await routesOf(host), want.sort())
      const fdb = (await host.sh(['bridge', 'fdb', 'show', 'dev', device])).stdout
      const entries = fdb.split('\n').filter((line) => line.includes(' dst '))
      t.same(
        entries.map((line) => /dst (\S+) self permanent/.exec(line)?.[1]).sort(),
        others.map((other) => other.host.address).sort(),
      )
      const neighbours = (await host.sh(['ip', 'neigh', 'show', 'dev', device, 'nud', 'permanent']))
        .stdout
      t.same(
        neighbours
          .trim()
          .split('\n')
          .map((line) => line.split(' ')[0])
          .sort(),
        others.map(({ address }) => firstOf(address)).sort(),
      )
      const addresses = (await host.sh(['ip', '-4', '-o', 'addr', 'show', 'dev', device])).stdout
      t.match(addresses, `inet ${firstOf(one.address)}/32`)
    },
  )

  t.test('a fixed address in another host’s block works by a /32', async (t) => {
    const fixed = two.address.replace(/\.\d+$/, '.77')
    await runSleeper(one.host, 'fixed', 'flannel', ['--ip', fixed])
    t.teardown(() => one.host.docker(['rm', '-f', 'fixed']))
    for (const from of [two, three, one]) {
      t.match(
        await inContainer(from.host, from.host.name, `ping -c 2 -W 2 ${fixed}`),
        /2 packets received|2 received/,
      )
    }
    t.match(
      await inContainer(one.host, 'fixed', `ping -c 2 -W 2 ${four.address}`),
      / 0% packet loss/,
    )
    t.match((await routesOf(three.host)).join('\n'), `${fixed} via ${fixed} dev`)
  })

  t.test('hosts reach containers of all hosts', async (t) => {
    for (const { address } of placed) {
      const { code } = await one.host.sh(['ping', '-c', '1', '-W', '2', address], { check: false })
      t.equal(code, 0, address)
    }
  })
})

for (const [encap, isTunnelled] of [['cross-subnet', true]] as const) {
  t.test(
    `backend=vxlan, encap=${encap}: direct on one layer 2, in the tunnel across the router`,
    async (t) => {
      const lab = await segmentedLab(t)
      const flags = [...IPAM, '-o', 'backend=vxlan', '-o', `encap=${encap}`]
      const placed = await placeAll(lab, 'flannel', flags)
      const [one, two] = placed
      if (!one || !two) throw new Error('no hosts')
      const flows = await reachAll(t, lab, placed)
      checkTunnels(t, flows, placed, isTunnelled)
      const routes = (await routesOf(one.host)).join('\n')
      t.match(routes, `${blockOf(two.address)} via ${two.host.address} dev eth0 proto 116`)
    },
  )
}

t.test('backend=host-gw: routes by the other host, and none across the router', async (t) => {
  const lab = await segmentedLab(t)
  const flags = [...IPAM, '-o', 'backend=host-gw']
  await createOn(lab.hosts, 'gw', flags)
  const near = lab.hosts.filter(({ segment }) => segment === lab.host(1).segment)
  const placed: Placed[] = []
  for (const host of near) {
    await runSleeper(host, host.name, 'gw')
    await inContainer(
      host,
      host.name,
      `mkdir -p /www && echo ${host.name} >/www/index.html && httpd -h /www`,
    )
    placed.push({ host, address: await addressOf(host, host.name, 'gw') })
  }
  const [one, two] = placed
  if (!one || !two) throw new Error('no hosts')
  const flows = await reachAll(t, lab, placed)
  t.same(
    flows.filter(({ from }) => from.startsWith('10.44.')),
    [],
    'none through the router',
  )
  t.equal(await inContainer(one.host, 'h1', 'cat /sys/class/net/eth0/mtu'), '1500\n')
  const routes = (await routesOf(one.host)).join('\n')
  t.match(routes, `${blockOf(two.address)} via ${two.host.address} dev eth0 proto 116`)
  const text = await refusedRun(lab.host(3), 'gw', [])
  t.match(text, /h1/, 'the host that cannot be reached is named')
  t.match(text, /backend=vxlan/)
})

t.test('networks do not reach each other, and with isolate=off they do', async (t) => {
  const lab = await segmentedLab(t)
  const [one, two] = lab.hosts
  if (!one || !two) throw new Error('no hosts')
  const make = async (name: string, pool: string, flags: readonly string[]) => {
    await createOn([one, two], name, [
      '--ipam-driver',
      'tsoverlay',
      '--subnet',
      pool,
      '-o',
      'backend=vxlan',
      ...flags,
    ])
    const found: Placed[] = []
    for (const host of [one, two]) {
      await runSleeper(host, `${name}-${host.name}`, name)
      found.push({ host, address: await addressOf(host, `${name}-${host.name}`, name) })
    }
    return found
  }
  const red = await make('red', '10.44.0.0/17', [])
  const blue = await make('blue', '10.44.128.0/17', [])
  const ping = async (host: Host, name: string, to: string) =>
    (await host.docker(['exec', name, 'ping', '-c', '2', '-W', '1', to], { check: false })).code ===
    0
  for (const { address } of red) t.equal(await ping(one, 'red-h1', address), true, `red ${address}`)
  for (const { address } of blue) {
    t.equal(await ping(one, 'red-h1', address), false, `red to blue ${address}`)
  }
  t.equal(await ping(one, 'blue-h1', red[1]?.address ?? ''), false, 'blue to red elsewhere')
  const spoofed = await namespaceOf(one, 'red-h1')
  const source = (blue[1]?.address ?? '').replace(/\.\d+$/, '.250')
  const sent = await one.sh(
    [
      'nsenter',
      `--net=${spoofed}`,
      'sh',
      '-c',
      `ip addr add ${source}/32 dev eth0 && ping -c 2 -W 1 -I ${source} ${blue[0]?.address}`,
    ],
    { check: false },
  )
  t.not(sent.code, 0, 'a source that is not its own')
  const open = await make('green', '10.45.0.0/17', OPEN)
  const wide = await make('lime', '10.45.128.0/17', OPEN)
  for (const { address } of wide) t.equal(await ping(one, 'green-h1', address), true, address)
  t.equal(await ping(one, 'green-h1', red[0]?.address ?? ''), false, 'isolated ones stay so')
  t.ok(open.length)
})
