/** What the kernel says of a packet's way, and what rules of nft and iptables do with packets. */
import { createServer } from 'node:net'
import type { Ip } from '../../src/core/ip.js'
import type { TriedPacket } from '../../src/core/path-facts.js'
import { HOST } from '../../src/core/plan.js'
import { createDataplane } from '../../src/dataplane/dataplane.js'
import { makeNetnsDir, onThrowAwayHost, run, silent, unmountNetnsDir } from './kernel.js'

const FROM = '192.0.2.2' as Ip
const TO = '192.0.2.1' as Ip
const VXLAN: TriedPacket = {
  ...{ hook: 'input', from: 'eth0', to: '', source: FROM, destination: TO },
  ...{ protocol: 'udp', port: 4789 },
}
const THROUGH: TriedPacket = {
  ...{ hook: 'forward', from: 'tsb-1', to: 'eth0', protocol: 'tcp', port: 80 },
  ...{ source: '10.20.0.5' as Ip, destination: '10.20.1.5' as Ip },
}

await onThrowAwayHost(import.meta.url, async () => {
  const { default: t } = await import('tap')
  run('ip', 'link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', 'wire')
  run('ip', 'addr', 'add', '192.0.2.1/24', 'dev', 'eth0')
  run('ip', 'link', 'set', 'eth0', 'up')
  run('ip', 'link', 'set', 'wire', 'up')
  const netnsDir = makeNetnsDir()
  const dataplane = await createDataplane({ netnsDir, logger: silent })
  const { path } = dataplane
  t.teardown(async () => {
    await dataplane.close()
    unmountNetnsDir(netnsDir)
  })
  const tried = async (packet: TriedPacket) => (await path.tried([packet]))[0]

  t.test('rules of iptables', async (t) => {
    const iptables = (...argv: string[]) => run('iptables', '-w', ...argv)
    t.same(await tried(VXLAN), { fate: 'passes' }, 'there are none')
    for (const rule of [
      ['-p', 'udp', '--dport', '4789', '-j', 'DROP'],
      ['-p', 'udp', '--dport', '4000:5000', '-m', 'comment', '--comment', 'no', '-j', 'DROP'],
      ['-i', 'eth0', '-m', 'conntrack', '--ctstate', 'NEW', '-j', 'DROP'],
      ['-s', '192.0.2.0/24', '-j', 'REJECT'],
    ]) {
      iptables('-A', 'INPUT', '-j', 'LOG')
      iptables('-A', 'INPUT', ...rule)
      t.match(await tried(VXLAN), { fate: 'refused', by: { table: 'filter', chain: 'INPUT' } })
      iptables('-F', 'INPUT')
    }
    for (const rule of [
      ['-p', 'udp', '--dport', '4790', '-j', 'DROP'],
      ['-p', 'tcp', '--dport', '4789', '-j', 'DROP'],
      ['-i', 'eth1', '-j', 'DROP'],
      ['-m', 'conntrack', '--ctstate', 'RELATED,ESTABLISHED', '-j', 'DROP'],
      ['-s', '192.0.3.0/24', '-j', 'REJECT'],
    ]) {
      iptables('-A', 'INPUT', ...rule)
      t.same(await tried(VXLAN), { fate: 'passes' }, rule.join(' '))
      iptables('-F', 'INPUT')
    }
    iptables('-A', 'INPUT', '-m', 'limit', '--limit', '1/s', '-j', 'DROP')
    t.match(await tried(VXLAN), { fate: 'unknown', by: { chain: 'INPUT' } }, 'no false alarm')
    iptables('-F', 'INPUT')
    iptables('-P', 'FORWARD', 'DROP')
    const policy = { family: 'ip', table: 'filter', chain: 'FORWARD' }
    t.same(await tried(THROUGH), { fate: 'refused', by: policy })
    iptables('-A', 'FORWARD', '-i', 'tsb-+', '-j', 'ACCEPT')
    t.same(await tried(THROUGH), { fate: 'passes' })
    run('iptables', '-w', '-P', 'FORWARD', 'ACCEPT')
  })

  t.test('rules of nft, and the one that lets pass what they refuse', async (t) => {
    run(
      'nft',
      `table inet foreign {
        chain in { type filter hook input priority 10; jump more
        }
        chain more { udp dport { 53, 4789 } accept; ip saddr 192.0.2.2 drop
        }
        chain early { type filter hook prerouting priority -300; iifname "eth0" tcp dport 80 drop
        }
      }`,
    )
    const web = { ...VXLAN, protocol: 'tcp' as const, port: 80 }
    t.match(await tried(web), { fate: 'refused', by: { family: 'inet', chain: 'early' } })
    const icmp = await tried({ ...VXLAN, protocol: 'icmp' })
    t.match(icmp, { fate: 'refused', by: { family: 'inet', table: 'foreign', chain: 'more' } })
    const handle = icmp?.by?.handle ?? ''
    run(
      'nft',
      `insert rule inet foreign more position ${handle} ip saddr 192.0.2.2 ip daddr ${TO} accept`,
    )
    t.same(await tried({ ...VXLAN, protocol: 'icmp' }), { fate: 'passes' })
    run('nft', 'delete table inet foreign')
  })

  t.test('links, routes and neighbours, as far as they matter', async (t) => {
    run(
      'ip',
      'neigh',
      'replace',
      FROM,
      'lladdr',
      '02:00:00:00:00:02',
      'dev',
      'eth0',
      'nud',
      'stale',
    )
    run('ip', 'neigh', 'replace', '192.0.2.9', 'lladdr', '02:00:00:00:00:09', 'dev', 'eth0')
    run('ip', 'route', 'add', '198.51.100.0/24', 'via', FROM)
    run('ip', 'route', 'add', 'blackhole', '203.0.113.0/24')
    const ips = ['198.51.100.7', '192.0.2.1', '203.0.113.1', '8.8.8.8'] as Ip[]
    const found = await path.surroundings(HOST, { ips })
    t.match(found?.routes, [
      { kind: 'unicast', dev: 'eth0', via: FROM },
      { kind: 'local' },
      { kind: 'none' },
      { kind: 'none' },
    ])
    t.match(found?.neighbours, [{ ip: FROM, mac: '02:00:00:00:00:02', state: 'stale' }])
    t.equal(found?.neighbours.length, 1, 'others do not matter')
    t.match(found?.links.find(({ name }) => name === 'eth0')?.addresses, ['192.0.2.1/24'])
    t.ok(found?.table.some(({ to }) => to === '198.51.100.0/24'))
    t.equal(await path.surroundings('nothing', { ips }), undefined)
  })

  t.test('who listens in a namespace', async (t) => {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(8_080, '192.0.2.1', resolve))
    t.teardown(() => server.close())
    const found = await path.listeners(HOST)
    t.match(found, [{ protocol: 'tcp', address: '192.0.2.1', port: 8_080 }])
    t.equal(await path.listeners('nothing'), undefined)
  })
})
