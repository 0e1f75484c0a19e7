/** What somebody changes behind our back is noticed and put right without anybody asking. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Ip } from '../../src/core/ip.js'
import type { Mac } from '../../src/core/mac.js'
import type { Plan } from '../../src/core/plan.js'
import type { ApplyResult } from '../../src/core/ports.js'
import { createDataplane } from '../../src/dataplane/dataplane.js'
import {
  inside,
  makeNetnsDir,
  onThrowAwayHost,
  picture,
  planOf,
  run,
  SANDBOX,
  silent,
  unmountNetnsDir,
  until,
} from './kernel.js'

const A = '02:42:0a:14:00:05'
const B = '02:42:0a:14:00:06'
const UNCHECKED = planOf({
  ports: ['c1'],
  addresses: ['10.20.0.1/16', 'fd20::1/64'],
  peers: [
    ['10.20.0.5', A, '192.0.2.7'],
    ['10.20.0.6', B, '192.0.2.8'],
    ['fd20::5', A, '192.0.2.7'],
  ],
})
const PORT_MAC = '02:42:0a:14:01:01'
const PLAN: Plan = {
  ...UNCHECKED,
  sources: [{ dev: 'vethc1', mac: PORT_MAC as Mac, ips: ['10.20.1.1' as Ip] }],
}
const SECOND = [{ dev: 'vethc2', mac: '02:42:0a:14:01:02' as Mac, ips: ['10.20.1.2' as Ip] }]
/** Each is a command in the sandbox. */
const CHANGES: readonly (readonly string[])[] = [
  ['ip', 'neigh', 'del', '10.20.0.5', 'dev', 'vxlan0'],
  ['ip', 'neigh', 'del', 'fd20::5', 'dev', 'vxlan0'],
  ['ip', 'neigh', 'replace', '10.20.0.5', 'lladdr', B, 'dev', 'vxlan0', 'nud', 'permanent'],
  ['ip', 'neigh', 'replace', '10.20.0.5', 'lladdr', A, 'dev', 'vxlan0', 'nud', 'reachable'],
  ['ip', 'neigh', 'add', '10.20.0.99', 'lladdr', B, 'dev', 'vxlan0', 'nud', 'permanent'],
  ['ip', 'neigh', 'flush', 'dev', 'vxlan0', 'nud', 'all'],
  ['bridge', 'fdb', 'del', B, 'dev', 'vxlan0', 'self'],
  ['bridge', 'fdb', 'replace', B, 'dev', 'vxlan0', 'dst', '192.0.2.66', 'self', 'permanent'],
  ['bridge', 'fdb', 'add', '02:42:0a:14:00:77', 'dev', 'vxlan0', 'dst', '192.0.2.66', 'self'],
  ['ip', 'link', 'set', 'vxlan0', 'down'],
  ['ip', 'link', 'set', 'vxlan0', 'mtu', '1400'],
  ['ip', 'link', 'set', 'vxlan0', 'nomaster'],
  ['ip', 'link', 'set', 'vxlan0', 'name', 'other'],
  ['ip', 'link', 'set', 'vxlan0', 'type', 'vxlan', 'local', '192.0.2.99'],
  ['ip', 'link', 'del', 'vxlan0'],
  ['ip', 'link', 'set', 'br0', 'down'],
  ['ip', 'link', 'set', 'br0', 'mtu', '1300'],
  ['ip', 'link', 'del', 'br0'],
  ['ip', 'addr', 'del', '10.20.0.1/16', 'dev', 'br0'],
  ['ip', 'addr', 'add', '10.99.0.1/16', 'dev', 'br0'],
  ['ip', 'addr', 'flush', 'dev', 'br0'],
  ['ip', 'route', 'del', '10.20.0.0/16'],
  ['ip', '-6', 'route', 'del', 'fd20::/64', 'dev', 'br0'],
  ['ip', 'link', 'set', 'vethc1', 'nomaster'],
  ['ip', 'link', 'set', 'vethc1', 'down'],
  ['ip', 'link', 'del', 'vethc1'],
  ['bridge', 'link', 'set', 'dev', 'vethc1', 'learning', 'on'],
  ['bridge', 'link', 'set', 'dev', 'vethc1', 'flood', 'on'],
  ['ip', 'link', 'set', 'vxlan0', 'type', 'bridge_slave', 'learning', 'on'],
  ['bridge', 'fdb', 'del', PORT_MAC, 'dev', 'vethc1', 'master'],
  ['bridge', 'fdb', 'add', B, 'dev', 'vethc1', 'master', 'static'],
  ['bridge', 'fdb', 'replace', PORT_MAC, 'dev', 'vxlan0', 'master', 'static'],
  ['nft', 'flush', 'ruleset'],
  ['nft', 'delete', 'element', 'bridge', 'tsoverlay', 'ip4', '{ "vethc1" . 10.20.1.1 }'],
  ['ip', 'link', 'add', 'vx9', 'type', 'vxlan', 'id', '77', 'dstport', '4789'],
  ['sysctl', '-w', 'net.ipv4.ip_forward=0'],
  ['sysctl', '-w', 'net.ipv6.conf.all.forwarding=0'],
  ['sysctl', '-w', 'net.ipv6.conf.br0.disable_ipv6=1'],
]

await onThrowAwayHost(import.meta.url, async () => {
  const { default: t } = await import('tap')
  const netnsDir = makeNetnsDir()
  const netns = join(netnsDir, SANDBOX)
  const dataplane = await createDataplane({ netnsDir, logger: silent })
  let plan: Plan = PLAN
  const results: Promise<ApplyResult>[] = []
  // as the reconciler does
  dataplane.onDrift((sandbox) => {
    if (sandbox === plan.place) results.push(dataplane.apply(plan))
  })
  t.teardown(async () => {
    await dataplane.close()
    unmountNetnsDir(netnsDir)
  })
  const state = (): string[] => [
    ...picture(netns),
    inside(
      netns,
      'sh',
      '-c',
      'ip route; ip -6 route show dev br0 fd20::/64; sysctl net.ipv4.ip_forward net.ipv6.conf.all.forwarding; nft list ruleset | sed "s/packets [0-9]* bytes [0-9]*//"',
    ),
  ]
  const seen = (): string => {
    try {
      return state().join('\n')
    } catch (error) {
      return String(error)
    }
  }
  const idle = () => new Promise((resolve) => setTimeout(resolve, 400))

  await dataplane.apply(PLAN)
  const before = state().join('\n')

  for (const change of CHANGES) {
    await t.test(change.join(' '), async (t) => {
      results.length = 0
      inside(netns, ...(change as [string, ...string[]]))
      const start = Date.now()
      t.not(seen(), before, 'it makes a difference')
      await until(() => results.length > 0)
      await Promise.all(results)
      t.comment(`repaired within ${Date.now() - start} ms`)
      await until(() => seen() === before)
      t.equal(seen(), before)
    })
  }

  await t.test('a sandbox whose file was taken away is back at its place', async (t) => {
    run('umount', netns)
    await until(() => seen() === before)
    t.equal(seen(), before)
    run('umount', netns)
    run('rm', netns)
    await until(() => seen() === before)
    t.equal(seen(), before)
  })

  await t.test('a namespace of others in our place is left alone, and ours goes on', async (t) => {
    run('unshare', `--net=${netns}`, 'ip', 'link', 'add', 'dummy7', 'type', 'bridge')
    dataplane.queueResync(SANDBOX)
    const { failures } = await dataplane.apply(PLAN)
    t.match(failures, [
      { item: { in: 'place', name: SANDBOX }, error: { message: /did not make/ } },
    ])
    t.match(inside(netns, 'ip', 'link'), /dummy7/)
    run('umount', netns)
    await until(() => seen() === before)
    t.equal(seen(), before, 'its containers were connected all the time')
  })

  await t.test('a repair is one, and what others have in the sandbox stays', async (t) => {
    await idle()
    await Promise.all(results)
    results.length = 0
    inside(netns, 'ip', 'link', 'add', 'dummy9', 'type', 'ifb')
    inside(netns, 'ip', 'route', 'add', 'blackhole', '10.77.0.0/16')
    inside(netns, 'ip', 'neigh', 'add', '10.20.0.9', 'lladdr', A, 'dev', 'br0', 'nud', 'permanent')
    await idle()
    t.equal(results.length, 0)
    inside(netns, 'ip', 'neigh', 'del', '10.20.0.5', 'dev', 'vxlan0')
    await until(() => results.length > 0)
    await idle()
    t.same(await Promise.all(results), [{ written: 1, drift: 1, failures: [] }])
    t.match(inside(netns, 'ip', 'route'), /blackhole 10\.77/)
    t.match(inside(netns, 'ip', 'link'), /dummy9/)
    inside(netns, 'ip', 'link', 'del', 'dummy9')
    inside(netns, 'ip', 'route', 'del', 'blackhole', '10.77.0.0/16')
    inside(netns, 'ip', 'neigh', 'del', '10.20.0.9', 'dev', 'br0')
  })

  await t.test('a pass on memory that is wrong ends well', async (t) => {
    plan = planOf({ ports: ['c1', 'c2'], peers: [['10.20.0.7', B, '192.0.2.9']] })
    plan = { ...plan, sources: [...(PLAN.sources ?? []), ...SECOND] }
    inside(netns, 'nft', 'flush', 'ruleset')
    t.same((await dataplane.apply(plan)).failures, [])
    t.match(seen(), /vethc2" \. 10\.20\.1\.2/)
    plan = PLAN
    inside(netns, 'ip', 'link', 'del', 'vxlan0')
    t.same((await dataplane.apply(plan)).failures, [])
    t.equal(seen(), before)
    plan = {
      ...PLAN,
      fdb: [],
      neighbours: planOf({ peers: [['10.20.0.9', B, '192.0.2.9']] }).neighbours,
    }
    inside(netns, 'ip', 'link', 'del', 'br0')
    inside(netns, 'ip', 'link', 'del', 'vxlan0')
    t.same((await dataplane.apply(plan)).failures, [], 'with no link to be made by the plan')
    plan = PLAN
    t.same((await dataplane.apply(plan)).failures, [])
    await until(() => seen() === before)
    t.equal(seen(), before)
  })

  await t.test('our own writes are no drift, however many', async (t) => {
    await idle()
    results.length = 0
    const peers = (vtep: string) =>
      Array.from({ length: 3000 }, (_, n): [string, string, string] => {
        const [high, low] = [n >> 8, n & 255]
        const mac = `02:42:0a:15:${high.toString(16).padStart(2, '0')}:${low.toString(16).padStart(2, '0')}`
        return [`10.20.${100 + high}.${low}`, mac, vtep]
      })
    const ports = ['c1', 'c2', 'c3']
    for (const next of [
      planOf({ ports, peers: peers('192.0.2.7') }),
      planOf({ ports: ['c2'], peers: peers('192.0.2.8'), local: '192.0.2.3', mtu: 1400 }),
      planOf({ ports: ['c2'], peers: [] }),
      PLAN,
    ]) {
      plan = next
      t.same((await dataplane.apply(next)).failures, [])
      await idle()
    }
    t.same(await Promise.all(results), [])
    t.equal(seen(), before)
  })

  await t.test('a veth is made anew for another container’s end of the same port', async (t) => {
    const other = JSON.parse(
      JSON.stringify(PLAN).replaceAll('02:42:0a:14:01:01', '02:42:0a:14:01:99'),
    )
    plan = other
    t.same((await dataplane.apply(other)).failures, [])
    t.match(run('ip', 'link', 'show', 'tsoc1'), /02:42:0a:14:01:99/)
  })

  await t.test(
    'who undoes every repair is answered at most once a second in the end',
    async (t) => {
      results.length = 0
      plan = PLAN
      const fight = setInterval(() => {
        if (!existsSync(netns)) return
        inside(netns, 'ip', 'link', 'set', 'br0', 'mtu', '1300')
      }, 30)
      await new Promise((resolve) => setTimeout(resolve, 4000))
      clearInterval(fight)
      t.ok(results.length > 1)
      t.ok(results.length < 12, `${results.length} passes in 4 s`)
      await dataplane.remove(SANDBOX)
    },
  )
})
