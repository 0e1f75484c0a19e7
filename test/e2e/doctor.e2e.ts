/** `tsoverlay doctor` on real hosts: nothing to say of healthy ones, and the cause of what is broken. */
import root, { type Test } from 'tap'
import type { Finding } from '../../src/core/admin/doctor.js'
import type { Host } from '../lab/host.js'
import type { Lab } from '../lab/lab.js'
import { runSleeper } from '../lab/tsoverlay.js'
import { swallow } from '../lab/underlay.js'
import { createOn } from './clusterwide.js'
import { sharedLab } from './shared-lab.js'
import { eventually, storeValues } from './traces.js'

const PORT = ['-p', 'udp', '--dport', '4789']
/** Without what the test runner has node do. */
const CLI = ['env', '-u', 'NODE_OPTIONS', '/run/tsoverlay/cli']

interface Visit {
  readonly code: number
  /** what is not well */
  readonly bad: readonly Finding[]
  readonly all: readonly Finding[]
}

async function doctor(host: Host, ...flags: readonly string[]): Promise<Visit> {
  const argv = [...CLI, 'doctor', '--json', ...flags]
  const { code, stdout, stderr } = await host.sh(argv, { check: false, timeoutMs: 60_000 })
  if (stdout === '') throw new Error(stderr)
  const all = JSON.parse(stdout) as readonly Finding[]
  return { code, all, bad: all.filter(({ verdict }) => verdict !== 'ok') }
}

/** `blue` (overlay) and `red` (host-gw) with a container of each on every host. */
async function clusterOf(t: Test): Promise<Lab> {
  const lab = await sharedLab(t)
  await createOn(lab.hosts, 'blue', ['--subnet', '10.20.0.0/16'])
  await createOn(lab.hosts, 'red', ['--subnet', '10.30.0.0/16', '-o', 'backend=host-gw'])
  for (const host of lab.hosts) {
    await runSleeper(host, `b${host.name}`, 'blue')
    await runSleeper(host, `r${host.name}`, 'red')
  }
  return lab
}

const texts = ({ bad }: Visit): string[] =>
  bad.map(({ host, name, about, verdict, says, mend }) =>
    [host, name, about, verdict, says, mend].join(' | '),
  )

/** Nothing is wrong (any more). */
async function isWell(t: Test, host: Host): Promise<void> {
  const visit = await eventually(
    () => doctor(host),
    ({ code, bad }) => code === 0 && bad.length === 0,
    90_000,
  )
  t.same(texts(visit), [])
  t.equal(visit.code, 0)
}

/** What is printed on the host is run there. */
async function mended(host: Host, { mend }: Finding): Promise<void> {
  await host.sh(['sh', '-c', mend.replace(/^on \S+: /, '').replace(/ on \S+$/, '')])
}

root.test('doctor', async (t) => {
  const lab = await clusterOf(t)
  const [one, two, three] = [lab.host(1), lab.host(2), lab.host(3)]

  t.test('has nothing to say of a healthy cluster', async (t) => {
    await isWell(t, one)
    const { code, bad, all } = await doctor(one, '--all-hosts')
    t.same(bad, [])
    t.equal(code, 0)
    for (const { name } of lab.hosts) {
      const its = all.filter(({ host }) => host === name).map((each) => each.name)
      t.match(
        new Set(its),
        new Set(['kernel', 'settings', 'store', 'firewall', 'tunnels', 'paths']),
      )
    }
    t.ok(
      all.some(
        ({ name, about, says }) =>
          name === 'tunnels' && about === 'host h2' && /1450 bytes get there and back/.test(says),
      ),
    )
    const text = (await one.sh([...CLI, 'doctor', '--all-hosts'])).stdout
    t.match(text, /^0 failed, 0 warning, \d+ ok on 3 hosts\n$/)
  })

  const blocked = async (t: Test, where: Host, chain: string, says: RegExp): Promise<void> => {
    await where.sh(['iptables', '-I', chain, ...PORT, '-j', 'DROP'])
    t.teardown(async () => {
      await where.sh([
        'sh',
        '-c',
        `iptables -D ${chain} ${PORT.join(' ')} -j DROP; iptables -D ${chain} ${PORT.join(' ')} -j ACCEPT; true`,
      ])
    })
    const visit = await doctor(one)
    t.equal(visit.code, 3)
    const found = visit.bad.find(({ name, about }) => name === 'tunnels' && about === 'host h2')
    t.match(found?.says, says, texts(visit).join('\n'))
    t.notOk(where === two && visit.bad.some(({ about }) => about === 'host h3'), 'h3 is well')
    if (found !== undefined) await mended(where, found)
    await isWell(t, one)
  }

  t.test('UDP port blocked on its way in, on the other host', (t) =>
    blocked(
      t,
      two,
      'INPUT',
      /^VXLAN packets \(UDP 4789\) from this host do not arrive at h2: the chain "ip filter INPUT" on h2 drops them$/,
    ),
  )
  t.test('UDP port blocked on its way back', (t) =>
    blocked(
      t,
      two,
      'OUTPUT',
      /^VXLAN packets \(UDP 4789\) arrive at h2, but what h2 sends back does not arrive here: the chain "ip filter OUTPUT" on h2 drops them$/,
    ),
  )
  t.test('UDP port blocked by the own host', (t) =>
    blocked(
      t,
      one,
      'OUTPUT',
      /^this host's own firewall drops the VXLAN packets \(UDP 4789\) that it sends to h2$/,
    ),
  )

  t.test('a foreign table that drops', async (t) => {
    const table =
      'table inet strict { chain in { type filter hook input priority 5; udp dport 4789 counter drop; }; }'
    await one.sh(['nft', table])
    t.teardown(() => one.sh(['nft', 'delete', 'table', 'inet', 'strict'], { check: false }))
    const visit = await doctor(one)
    const found = visit.bad.find(({ name }) => name === 'firewall')
    t.match(
      found,
      { about: 'inet strict in', mend: 'nft insert rule inet strict in udp dport 4789 accept' },
      texts(visit).join('\n'),
    )
    if (found !== undefined) await mended(one, found)
    await isWell(t, one)
  })

  t.test('an MTU that is too small on the other host', async (t) => {
    await two.sh(['ip', 'link', 'set', 'dev', 'eth0', 'mtu', '1400'])
    t.teardown(() => two.sh(['ip', 'link', 'set', 'dev', 'eth0', 'mtu', '1500']))
    const visit = await doctor(one)
    const found = visit.bad.find(({ name, about }) => name === 'tunnels' && about === 'host h2')
    t.match(
      found?.says,
      /^full packets \(1500 bytes with their VXLAN header\) do not get to h2, small ones do/,
      texts(visit).join('\n'),
    )
    t.equal(found?.mend, 'ip link set dev eth0 mtu 1500 on h2')
    if (found !== undefined) await mended(two, found)
    await isWell(t, one)
  })

  t.test('a path that takes less than both ends say', async (t) => {
    await swallow(one, two, 1_400)
    t.teardown(() => swallow(one, two, undefined))
    const { bad } = await doctor(one)
    t.match(
      bad.find(({ name }) => name === 'paths'),
      { about: 'host h2', says: /^packets of 1500 bytes do not get to/ },
    )
    t.match(
      bad.find(({ name }) => name === 'tunnels'),
      { about: 'host h2', mend: /between the hosts an MTU of 1500/ },
    )
    await swallow(one, two, undefined)
  })

  t.test('records that contradict each other', async (t) => {
    const [[hostKey = '', host = ''] = []] = [...(await storeValues(lab, 'hosts/'))].filter(
      ([, value]) => value.includes('"h2"'),
    )
    const [[key = '', endpoint = ''] = []] = await storeValues(lab, 'endpoints/')
    const twin = hostKey.replace(/[^/]+$/, 'twin')
    const double = key.replace(/[^/]+$/, 'double')
    const other = JSON.stringify({
      ...JSON.parse(endpoint),
      id: 'double',
      mac: '02:42:00:00:00:99',
    })
    await lab.etcd.ctl([
      'put',
      twin,
      JSON.stringify({ ...JSON.parse(host), id: 'twin', name: 'h2-copy' }),
    ])
    await lab.etcd.ctl(['put', double, other])
    t.teardown(() => lab.etcd.ctl(['del', twin]))
    const { bad, code } = await doctor(three)
    await lab.etcd.ctl(['del', double])
    t.equal(code, 3)
    t.match(
      bad.find(({ name }) => name === 'addresses'),
      { verdict: 'failed', says: /^several containers have this address: / },
    )
    t.match(
      bad.find(({ name }) => name === 'twins'),
      { verdict: 'failed', says: /^they have one underlay address, 10\.\d+\.0\.2/ },
    )
    t.match(
      bad.find(({ name, about }) => name === 'hosts' && about === 'host h2-copy'),
      { says: /does not answer: its plugin does not run/ },
    )
    await three.sh([...CLI, 'host', 'rm', 'twin'])
  })

  t.test('a duplicate host id', async (t) => {
    const [[key = '', value = ''] = []] = [...(await storeValues(lab, 'hosts/'))].filter(
      ([, each]) => each.includes('"h1"'),
    )
    await lab.etcd.ctl([
      'put',
      key,
      JSON.stringify({ ...JSON.parse(value), boot: 'another', name: 'copy' }),
    ])
    const visit = await eventually(
      () => doctor(one),
      ({ bad }) => bad.length > 0,
    )
    t.match(
      visit.bad.find(({ name }) => name === 'status'),
      { says: /overwritten by copy/, mend: /./ },
    )
  })

  t.test('a route of a host over a subnet', async (t) => {
    await three.sh(['ip', 'route', 'add', '10.20.99.0/24', 'dev', 'eth0'])
    t.teardown(() => three.sh(['ip', 'route', 'del', '10.20.99.0/24'], { check: false }))
    const found = await eventually(
      async () => (await doctor(one)).bad.find(({ name }) => name === 'ranges'),
      (each) => each !== undefined,
    )
    t.match(found, {
      verdict: 'failed',
      about: 'network blue',
      says: /overlaps the route by eth0 10\.20\.99\.0\/24 of host h3/,
    })
  })

  t.test('a store that is away', async (t) => {
    await lab.etcd.pause()
    t.teardown(() => lab.etcd.resume())
    const visit = await doctor(one, '--all-hosts')
    await lab.etcd.resume()
    t.equal(visit.code, 3)
    const failed = visit.bad.filter(({ verdict }) => verdict === 'failed')
    t.match(
      failed.find(({ name }) => name === 'store'),
      { about: 'etcd', says: /^it cannot be reached: / },
    )
    t.same(
      failed.filter(({ name }) => !['store', 'status'].includes(name)),
      [],
      'no host is to blame',
    )
  })

  t.test('a host that is gone', async (t) => {
    await three.powerOff()
    t.teardown(() => three.boot())
    const visit = await doctor(one, '--all-hosts')
    t.equal(visit.code, 3)
    const failed = visit.bad.filter(({ verdict }) => verdict === 'failed')
    t.match(
      failed
        .map(({ name, about }) => `${name} ${about}`)
        .filter((text) => !text.startsWith('paths')),
      ['hosts host h3'],
    )
    t.ok(
      visit.all.some(({ host, name }) => host === 'h2' && name === 'kernel'),
      'h2 has answered',
    )
  })
})
