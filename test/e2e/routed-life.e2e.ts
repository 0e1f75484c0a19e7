/**
 * Routed networks while they are in use: several in one container, hosts that change their address,
 * lose their link, lose their last container, go for good and come anew.
 */
import t, { type Test } from 'tap'
import type { Host } from '../lab/host.js'
import type { Machine } from '../lab/machine.js'
import { addressOf, PLUGIN, PLUGIN_DIR, runSleeper } from '../lab/tsoverlay.js'
import { ip, moveTo, otherAddress } from '../lab/underlay.js'
import { createOn, inContainer } from './clusterwide.js'
import { blockOf, fdbOf, linesWith, pings, routed, routesOf, tunnelOf } from './routed-tables.js'
import { segmentedLab } from './shared-lab.js'
import { eventually, storeKeys } from './traces.js'
import { namespaceOf } from './wire.js'

const RED = routed('vxlan', '10.61.0.0/16')
const GREEN = routed('host-gw', '10.62.0.0/16')
const BLUE = ['--subnet', '10.63.0.0/16']
const LIME = routed('vxlan', '10.64.0.0/16', '-o', 'encap=cross-subnet')
const NAMES = ['red', 'green', 'blue'] as const

const isTrue = (value: boolean): boolean => value

async function pageOf(machine: Machine, address: string, port: number): Promise<string> {
  const get = `exec 3<>/dev/tcp/${address}/${port} && printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3 && cat <&3`
  const { stdout } = await machine.sh(['timeout', '3', 'bash', '-c', get], { check: false })
  return stdout.trim().split('\n').at(-1) ?? ''
}

/** By which address a container sends to another one. */
async function sourceTo(host: Host, container: string, to: string): Promise<string> {
  const namespace = await namespaceOf(host, container)
  const { stdout } = await host.sh(['nsenter', `--net=${namespace}`, 'ip', 'route', 'get', to])
  return / src (\S+)/.exec(stdout)?.[1] ?? stdout
}

t.test('routed networks and an overlay in one container', async (t) => {
  const lab = await segmentedLab(t)
  const [one, two] = [lab.host(1), lab.host(2)]
  await createOn([one, two], 'red', RED)
  await createOn([one, two], 'green', GREEN)
  await createOn([one, two], 'blue', BLUE)
  await createOn([one, two], 'single', routed('vxlan', '10.65.0.0/16', '-o', 'gateway=bridge'))
  for (const name of [...NAMES, 'single']) await runSleeper(two, `on-${name}`, name)
  await runSleeper(one, 'multi', 'red', ['-p', '8081:80'])
  await inContainer(one, 'multi', 'mkdir -p /www && echo multi >/www/index.html && httpd -h /www')
  const world = await lab.client(one.segment)

  /** Both ways, and with the container's address of that very network. */
  const checkNetwork = async (t: Test, name: string) => {
    const [own, other] = [
      await addressOf(one, 'multi', name),
      await addressOf(two, `on-${name}`, name),
    ]
    t.ok(await eventually(() => pings(one, 'multi', other), isTrue), `multi to ${name}`)
    t.ok(await eventually(() => pings(two, `on-${name}`, own), isTrue), `${name} to multi`)
    t.equal(await sourceTo(one, 'multi', other), own)
  }

  await t.test('docker network connect', async (t) => {
    await one.docker(['network', 'connect', 'green', 'multi'])
    await one.docker(['network', 'connect', 'blue', 'multi'])
    for (const name of NAMES) await checkNetwork(t, name)
    t.equal(await pageOf(world, one.address, 8081), 'multi')
  })

  await t.test('and one that is a way out', async (t) => {
    await one.docker(['network', 'connect', 'single', 'multi'])
    for (const name of [...NAMES, 'single']) await checkNetwork(t, name)
    t.equal(
      await eventually(
        () => pageOf(world, one.address, 8081),
        (page) => page === 'multi',
      ),
      'multi',
    )
    t.match(await inContainer(one, 'multi', `ping -c 1 -W 2 ${world.address}`), / 0% packet loss/)
    await one.docker(['network', 'disconnect', 'single', 'multi'])
    t.equal(
      await eventually(
        () => pageOf(world, one.address, 8081),
        (page) => page === 'multi',
      ),
      'multi',
    )
    t.match(await inContainer(one, 'multi', `ping -c 1 -W 2 ${world.address}`), / 0% packet loss/)
  })

  await t.test('docker network disconnect', async (t) => {
    const green = await addressOf(one, 'multi', 'green')
    await one.docker(['network', 'disconnect', 'green', 'multi'])
    t.notOk(await pings(two, 'on-green', green))
    for (const name of ['red', 'blue']) await checkNetwork(t, name)
    t.equal(await pageOf(world, one.address, 8081), 'multi')
    await one.docker(['network', 'connect', 'green', 'multi'])
    for (const name of NAMES) await checkNetwork(t, name)
  })
})

/** Containers of three routed networks on h1 and h2, and on h3 of those with a tunnel. */
async function threeNetworks(t: Test) {
  const lab = await segmentedLab(t)
  const [one, two, three] = [lab.host(1), lab.host(2), lab.host(3)]
  const places: { readonly network: string; readonly hosts: readonly Host[] }[] = []
  for (const [network, flags, hosts] of [
    ['red', RED, [one, two, three]],
    ['green', GREEN, [one, two]],
    ['lime', LIME, [one, two, three]],
  ] as const) {
    await createOn(hosts, network, flags)
    for (const host of hosts) await runSleeper(host, `${network}-${host.name}`, network)
    places.push({ network, hosts })
  }
  const addresses = new Map<string, string>()
  for (const { network, hosts } of places) {
    for (const host of hosts) {
      const name = `${network}-${host.name}`
      addresses.set(name, await addressOf(host, name, network))
    }
  }
  const pairs = places.flatMap(({ network, hosts }) =>
    hosts.flatMap((from) =>
      hosts
        .filter((to) => to !== from)
        .map((to) => ({ from, container: `${network}-${from.name}`, to: `${network}-${to.name}` })),
    ),
  )
  /** Pairs without an answer, when there are none or after 10 s. */
  const silent = () =>
    eventually(
      async () => {
        const found: string[] = []
        for (const { from, container, to } of pairs) {
          if (!(await pings(from, container, addresses.get(to) ?? '')))
            found.push(`${container} to ${to}`)
        }
        return found
      },
      ({ length }) => length === 0,
    )
  return { one, two, three, addresses, silent }
}

t.test('the underlay of a host changes while containers run', async (t) => {
  const { one, two, three, addresses, silent } = await threeNetworks(t)
  const block = (name: string): string => blockOf(addresses.get(name) ?? '')
  t.same(await silent(), [])
  const tunnel = await tunnelOf(two, 'red')

  await t.test('another address', async (t) => {
    const [former, next] = [one.address, otherAddress(one)]
    await moveTo(one, former, next)
    t.teardown(async () => {
      if ((await one.sh(['ip', 'addr'])).stdout.includes(`${next}/`))
        await moveTo(one, next, former)
    })
    for (const address of [next, former]) {
      if (address === former) await moveTo(one, next, former)
      for (const host of [two, three]) {
        const isThere = (all: readonly string[]): boolean =>
          all.includes(address) && all.length === 2
        t.ok(isThere(await eventually(() => fdbOf(host, tunnel), isThere)), `${host.name}: FDB`)
      }
      const want = (network: string) =>
        `${block(`${network}-h1`)} via ${address} dev eth0 proto 116`
      for (const network of ['green', 'lime']) {
        const at = block(`${network}-h1`)
        t.same(
          await eventually(
            () => routesOf(two, `${at} via`),
            ([found]) => found === want(network),
          ),
          [want(network)],
        )
      }
      t.same(await silent(), [])
    }
  })

  await t.test('the link goes down and up', async (t) => {
    const own = async () => [
      ...(await linesWith(one, ['ip', 'route'], 'proto 116')),
      ...(await fdbOf(one, tunnel)),
    ]
    const before = await own()
    // which the kernel takes away with the link, and a network manager would put again
    const [six = ''] = await linesWith(one, ['ip', '-6', '-o', 'addr', 'show', 'eth0'], 'global')
    await ip(one, 'link set eth0 down')
    t.notSame(await own(), before, 'the kernel drops routes with their device')
    const address6 = / inet6 (\S+) /.exec(six)?.[1] ?? ''
    await ip(
      one,
      'link set eth0 up',
      `route replace default via ${one.gateway}`,
      `addr add ${address6} dev eth0 nodad`,
    )
    const began = Date.now()
    const after = await eventually(own, (now) => now.join() === before.join())
    t.comment(`routes back after ${Date.now() - began} ms`)
    t.same(after, before)
    t.same(await silent(), [])
  })
})

t.test('hosts whose last container stops, and hosts that go for good', async (t) => {
  const lab = await segmentedLab(t)
  const [one, two, three, four] = lab.hosts
  if (!one || !two || !three || !four) throw new Error('no hosts')
  await createOn(lab.hosts, 'red', RED)
  for (const host of lab.hosts) await runSleeper(host, host.name, 'red')
  const address = await addressOf(four, 'h4', 'red')
  const [tunnel, block] = [await tunnelOf(one, 'red'), blockOf(address)]
  const others = (host: Host) => lab.hosts.filter((each) => each !== host)

  await t.test(
    'where no container runs there are no routes, and the others keep theirs',
    async (t) => {
      await two.docker(['stop', '-t', '0', 'h2'])
      const left = await eventually(
        () => routesOf(two, '10.61.'),
        ({ length }) => length === 1,
      )
      const own = blockOf(await addressOf(one, 'h1', 'red')).replace('.0.0/', '.1.0/')
      t.same(left, [`blackhole ${own} proto 116 metric 4294967040`], 'its block is its own')
      t.same(await linesWith(two, ['ip', '-o', 'link'], tunnel), [])
      t.equal((await routesOf(one, `${own} via`)).length, 1)
      await two.docker(['start', 'h2'])
      t.ok(await eventually(() => pings(two, 'h2', address), isTrue))
      t.equal(blockOf(await addressOf(two, 'h2', 'red')), own)
    },
  )

  await t.test('host rm', async (t) => {
    await four.docker(['plugin', 'disable', '-f', PLUGIN])
    const { stdout } = await one.sh(['/run/tsoverlay/cli', 'host', 'rm', 'h4'])
    t.match(stdout, /1 block/)
    for (const host of [one, two, three]) {
      const left = async () => [
        ...(await routesOf(host, block)),
        ...(await linesWith(
          host,
          ['ip', 'neigh', 'show', 'dev', tunnel],
          block.replace('/24', ' '),
        )),
        ...(await fdbOf(host, tunnel)).filter((dst) => dst === four.address),
      ]
      t.same(await eventually(left, ({ length }) => length === 0), [], host.name)
    }
    t.notOk((await storeKeys(lab, 'blocks/')).some((key) => key.endsWith(block.replace('/', '-'))))
  })

  await t.test('it comes anew, as another host', async (t) => {
    // a disk of which nothing of ours is left
    await four.docker(['plugin', 'rm', '-f', PLUGIN])
    await four.sh(['rm', '-rf', '/run/tsoverlay'])
    await four.installPlugin(PLUGIN_DIR, {
      name: PLUGIN,
      settings: { STORE: lab.etcd.endpoint, NETWORK_SYNC: 'off' },
    })
    await four.docker(['rm', '-f', 'h4'])
    await four.docker(['network', 'rm', 'red'])
    await createOn([four], 'red', RED)
    await runSleeper(four, 'anew', 'red')
    const now = await addressOf(four, 'anew', 'red')
    t.equal(blockOf(now), block, 'the block that became free')
    for (const host of others(four)) {
      t.ok(await eventually(() => pings(host, host.name, now), isTrue), `${host.name} to it`)
      t.ok(
        await eventually(
          () => fdbOf(host, tunnel),
          (all) => all.includes(four.address),
        ),
      )
    }
  })
})
