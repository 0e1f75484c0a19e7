/** Paths that are broken in each way that users meet: trace names the cause, and what it prints mends it. */
import t from 'tap'
import { expectNoPing, expectPing, fetchPage } from '../lab/conncheck.js'
import { addressOf, inSandbox, runSleeper, sandboxOf } from '../lab/tsoverlay.js'
import { createOn, inContainer, inNamespaceOf } from './clusterwide.js'
import { sharedLab } from './shared-lab.js'
import { type Expected, expectBroken, expectWell, mend, trace } from './traced.js'
import { eventually } from './traces.js'

/** How it is seen that packets do not arrive, where that shows at once, and that they do. */
interface Cut extends Expected {
  readonly isCut?: () => Promise<unknown>
  /** waits until packets arrive again: what has not been answered is remembered until then */
  readonly isWhole?: () => Promise<unknown>
}

const WHOLE_MS = 30_000

t.test('a path', async (t) => {
  const lab = await sharedLab(t)
  const [one, two, three] = [lab.host(1), lab.host(2), lab.host(3)]
  await createOn(lab.hosts, 'blue', ['--subnet', '10.20.0.0/16'])
  await createOn(lab.hosts, 'open', ['--subnet', '10.21.0.0/16', '-o', 'source-check=off'])
  await createOn(lab.hosts, 'six', ['--ipv6', '--subnet', '10.22.0.0/16', '--subnet', 'fd22::/64'])
  await createOn(lab.hosts, 'gw', ['--subnet', '10.44.0.0/16', '-o', 'backend=host-gw'])
  await createOn(lab.hosts, 'vx', ['--subnet', '10.45.0.0/16', '-o', 'backend=vxlan'])
  for (const network of ['blue', 'open', 'six', 'gw', 'vx'])
    for (const host of [one, two]) await runSleeper(host, `${network}${host.name}`, network)
  await runSleeper(one, 'bluetoo', 'blue')
  await runSleeper(one, 'opentoo', 'open')
  await runSleeper(three, 'blueh3', 'blue')
  const serve = 'httpd -p 80 -h /; exec sleep 3600'
  await two.docker(['run', '-d', '--name', 'db', '--net', 'blue', 'lab', 'sh', '-c', serve])
  const db = await addressOf(two, 'db', 'blue')
  const web = ['blueh1', 'db:80']
  const sandbox = await sandboxOf(one, 'blue')
  await expectPing(one, 'blueh1', db)

  const silent = (from: string, to: string) => ({
    isCut: () => expectNoPing(one, from, to),
    isWhole: () => expectPing(one, from, to, { withinMs: WHOLE_MS }),
  })
  const noPage = async () => {
    const wget = ['exec', 'blueh1', 'wget', '-q', '-T', '2', '-O', '-', `http://${db}/etc/hostname`]
    t.not((await one.docker(wget, { check: false })).code, 0, 'no page comes')
  }
  const page = () => fetchPage(one, 'blueh1', `http://${db}/etc/hostname`)

  /** Breaks, sees that packets and the trace say so, types what it says, and sees that all is well. */
  const heals = async (
    t: Parameters<typeof expectWell>[0],
    work: () => Promise<unknown>,
    argv: readonly string[],
    { isCut, isWhole, ...expected }: Cut,
  ): Promise<void> => {
    await work()
    await isCut?.()
    await mend(lab, await expectBroken(t, one, argv, expected))
    await isWhole?.()
    await expectWell(t, one, ...argv)
  }

  t.test('that is well gives no alarm, whatever it goes through', async (t) => {
    await expectWell(t, one, ...web)
    await expectWell(t, one, 'blueh1', 'bluetoo')
    await expectWell(t, one, 'blueh1', 'blueh1')
    await expectWell(t, one, 'db', 'blueh1')
    await expectWell(t, one, await addressOf(one, 'blueh1', 'blue'), db)
    for (const network of ['open', 'six', 'gw', 'vx'])
      await expectWell(t, one, `${network}h1`, `${network}h2`)
    const there = /fd22::\S+(?=\/)/.exec(await inContainer(two, 'sixh2', 'ip -6 addr show eth0'))
    await expectWell(t, one, 'sixh1', there?.[0] ?? '')
  })

  t.test('whose container takes its peer for another', async (t) => {
    const wrong = `neigh replace ${db} lladdr 02:00:00:00:00:99 dev eth0 nud permanent`
    await heals(t, () => inNamespaceOf(one, 'blueh1', `ip ${wrong}`), web, {
      ...{
        on: 'h1',
        hop: 'neighbour',
        says: /takes .* to be at 02:00:00:00:00:99/,
        ...silent('blueh1', db),
      },
    })
  })

  t.test('whose container has an interface that is down', async (t) => {
    await heals(t, () => inNamespaceOf(one, 'blueh1', 'ip link set eth0 down'), web, {
      ...{ on: 'h1', hop: 'interface', says: /is down/, ...silent('blueh1', db) },
    })
  })

  t.test('whose entries, port and device somebody changes while the plugin runs', async (t) => {
    const port = /(veth\S+?)@/.exec(await inSandbox(one, sandbox, ['ip', '-o', 'link']))?.[1] ?? ''
    for (const command of [
      `ip neigh del ${db} dev vxlan0`,
      `ip link set ${port} down`,
      'ip link del vxlan0',
      `bridge fdb replace 02:42:0a:14:00:99 dev vxlan0 dst ${three.address} self permanent`,
    ]) {
      await inSandbox(one, sandbox, ['sh', '-c', command])
      await expectWell(t, one, ...web)
    }
  })

  t.test("whose VNI is another program's by now", async (t) => {
    const text = await inSandbox(one, sandbox, ['ip', '-d', 'link', 'show', 'vxlan0'])
    const vni = /vxlan id (\d+)/.exec(text)?.[1]
    const foreign = `ip link add foreign0 type vxlan id ${vni} dstport 4789 local ${one.address}`
    const del = `nsenter --net=/run/docker/netns/${sandbox} ip link del vxlan0`
    t.teardown(() => one.sh(['ip', 'link', 'del', 'foreign0'], { check: false }))
    // The plugin makes its device anew at once: whoever is first has the VNI.
    const take = `for i in $(seq 200); do ${del}; ${foreign} && exit 0; done 2>/dev/null; exit 1`
    await heals(t, () => one.sh(['sh', '-c', take]), web, {
      ...{
        on: 'h1',
        hop: 'vxlan device',
        says: /VNI \d+ is taken by vxlan device foreign0/,
        ...silent('blueh1', db),
      },
    })
  })

  t.test('whose underlay takes less than the containers send', async (t) => {
    const ping = ['exec', 'blueh1', 'ping', '-c', '1', '-W', '2', '-s', '1400', db]
    const pinged = async () => (await one.docker(ping, { check: false })).code
    const large = async () => t.not(await pinged(), 0, 'no large packet arrives')
    const isWhole = async () => t.equal(await eventually(pinged, (code) => code === 0, WHOLE_MS), 0)
    await heals(t, () => one.sh(['ip', 'link', 'set', 'eth0', 'mtu', '1400']), web, {
      ...{
        on: 'h1',
        hop: 'MTU',
        says: /in the tunnel 1500; eth0 takes 1400/,
        isCut: large,
        isWhole,
      },
    })
  })

  t.test('whose UDP port is blocked on one side', async (t) => {
    const drop = ['iptables', '-w', '-A', 'INPUT', '-p', 'udp', '--dport', '4789', '-j', 'DROP']
    t.teardown(() => two.sh(drop.map((word) => (word === '-A' ? '-D' : word))))
    await heals(t, () => two.sh(drop), web, {
      ...{
        on: 'h2',
        hop: 'firewall',
        says: /chain INPUT \(table ip filter\) refuses/,
        ...silent('blueh1', db),
      },
    })
    await two.sh(['iptables', '-w', '-F', 'INPUT'])
    await two.sh(drop)
  })

  t.test('that a rule of a foreign table refuses', async (t) => {
    const rules = `table inet foreign {
      chain out { type filter hook output priority 0; udp dport 4789 reject
      }
    }`
    t.teardown(() => one.sh(['nft', 'delete', 'table', 'inet', 'foreign']))
    await heals(t, () => one.sh(['nft', '-f', '-'], { input: rules }), web, {
      ...{
        on: 'h1',
        hop: 'firewall',
        says: /chain out \(table inet foreign\) refuses/,
        ...silent('blueh1', db),
      },
    })
  })

  t.test("that a rule in Docker's chain refuses", async (t) => {
    const there = await addressOf(two, 'gwh2', 'gw')
    const drop = ['iptables', '-w', '-I', 'DOCKER-USER', '-d', there, '-j', 'DROP']
    t.teardown(() => one.sh(['iptables', '-w', '-D', 'DOCKER-USER', '-d', there, '-j', 'DROP']))
    await heals(t, () => one.sh(drop), ['gwh1', 'gwh2'], {
      ...{
        on: 'h1',
        hop: 'firewall',
        says: /chain DOCKER-USER \(table ip filter\) refuses/,
        ...silent('gwh1', there),
      },
    })
    await expectPing(one, 'gwh1', there)
  })

  t.test("that a route of the host's leads astray", async (t) => {
    const there = await addressOf(two, 'gwh2', 'gw')
    await heals(
      t,
      () => one.sh(['ip', 'route', 'add', `${there}/32`, 'via', one.gateway]),
      ['gwh1', 'gwh2'],
      {
        ...{
          on: 'h1',
          hop: 'route',
          says: /the host's own route .* comes before/,
          ...silent('gwh1', there),
        },
      },
    )
    await expectPing(one, 'gwh1', there)
  })

  t.test('to a container that is paused', async (t) => {
    await heals(t, () => two.docker(['pause', 'db']), web, {
      ...{ on: 'h2', hop: 'container', says: /is paused/, isCut: noPage },
    })
    await page()
  })

  t.test('to a port where nothing listens any more', async (t) => {
    await heals(t, () => inContainer(two, 'db', 'killall httpd'), web, {
      ...{ on: 'h2', hop: 'socket', says: /nothing listens there/, isCut: noPage },
    })
    await page()
  })

  t.test('to an address that another container has, too', async (t) => {
    const there = await addressOf(two, 'openh2', 'open')
    const add = `ip addr add ${there}/16 dev eth0`
    await heals(t, () => inNamespaceOf(one, 'opentoo', add), ['openh1', there], {
      ...{ on: 'h1', hop: 'duplicate', says: /opentoo has the address .*, too/ },
    })
  })

  t.test('to a host whose address another machine has, too', async (t) => {
    const client = await lab.client()
    const del = ['ip', 'addr', 'del', `${two.address}/24`, 'dev', 'eth0']
    t.teardown(() => client.sh(del, { check: false }))
    await client.sh(['ip', 'addr', 'add', `${two.address}/24`, 'dev', 'eth0'])
    const mac = (await client.sh(['cat', '/sys/class/net/eth0/address'])).stdout.trim()
    // as this host learns it by chance, when the other machine answers first
    const learned = `ip neigh replace ${two.address} lladdr ${mac} dev eth0 nud reachable`
    await heals(t, () => one.sh(['sh', '-c', learned]), web, {
      ...{
        on: 'h1',
        hop: 'underlay neighbour',
        says: /another machine has its address, too/,
      },
    })
    await expectPing(one, 'blueh1', db)
    // before the entry goes, or the other machine may answer who has it
    await client.sh(del)
    await one.sh(['ip', 'neigh', 'del', two.address, 'dev', 'eth0'])
  })

  t.test('between two networks that are open to each other', async (t) => {
    const open = ['-o', 'backend=host-gw', '-o', 'gateway=bridge', '-o', 'isolate=off']
    await createOn([one, two], 'opena', ['--subnet', '10.46.0.0/16', ...open])
    await createOn([one, two], 'openb', ['--subnet', '10.47.0.0/16', ...open])
    await runSleeper(one, 'openah1', 'opena')
    await runSleeper(two, 'openbh2', 'openb')
    // a host routes to networks that it has containers of
    await runSleeper(one, 'openbh1', 'openb')
    await runSleeper(two, 'openah2', 'opena')
    const there = await addressOf(two, 'openbh2', 'openb')
    await expectPing(one, 'openah1', there)
    const { report } = await trace(one, 'openah1', there)
    t.match(report.hops.at(-1), { hop: 'network', verdict: 'unknown', says: /packets may pass/ })
  })

  t.test('to a name of another network', async (t) => {
    await heals(t, async () => undefined, ['blueh1', 'gwh2'], {
      ...{ on: 'h1', hop: 'network', says: /is in the networks gw/ },
    })
  })
})
