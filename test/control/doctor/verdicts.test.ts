/** What each check says of what it has seen. */
import t, { type Test } from 'tap'
import type { Found } from '../../../src/control/doctor/check.js'
import { judgeChecksums } from '../../../src/control/doctor/checks/checksums.js'
import { judgeFirewall, letPass } from '../../../src/control/doctor/checks/firewall.js'
import {
  type AskedHost,
  judgeClocks,
  judgeSilence,
  judgeVersions,
} from '../../../src/control/doctor/checks/hosts.js'
import { judgeKernel } from '../../../src/control/doctor/checks/kernel.js'
import { judgeRecords, judgeSandboxes } from '../../../src/control/doctor/checks/leftovers.js'
import { judgePath } from '../../../src/control/doctor/checks/paths.js'
import {
  judgeAddresses,
  judgeRanges,
  judgeTwins,
  type Records,
} from '../../../src/control/doctor/checks/records.js'
import { judgeSettings } from '../../../src/control/doctor/checks/settings.js'
import { judgeStore } from '../../../src/control/doctor/checks/store.js'
import { judgeTunnel, type TunnelFacts } from '../../../src/control/doctor/checks/tunnels.js'
import type { Cidr, Ip } from '../../../src/core/ip.js'
import type { Mac } from '../../../src/core/mac.js'
import type { Endpoint, Host, Network } from '../../../src/core/types.js'

const said = (found: readonly Found[]): string[] =>
  found.map(({ verdict, about, says, mend }) => [verdict, about, says, mend].join(' | '))
const isOk = (t: Test, found: readonly Found[]): void => {
  t.ok(found.length > 0)
  t.same([...new Set(found.map(({ verdict }) => verdict))], ['ok'])
}

t.test('kernel', async (t) => {
  isOk(t, judgeKernel(new Map()))
  t.same(said(judgeKernel(new Map([['tunnels (vxlan)', 'EOPNOTSUPP']]))), [
    'failed | tunnels (vxlan) | the kernel cannot make tunnels (vxlan): EOPNOTSUPP | modprobe vxlan, or a kernel that has it',
  ])
})

t.test('settings', async (t) => {
  const values = new Map([
    ['net/ipv4/ip_forward', '0'],
    ['net/ipv4/conf/all/rp_filter', '1'],
  ])
  const ways = [{ host: 'h2', dev: 'eth1' }]
  isOk(t, judgeSettings({ values: new Map(), forwards: true, dev: 'eth0', ways }))
  isOk(t, judgeSettings({ values, forwards: false, dev: 'eth1', ways }))
  t.match(said(judgeSettings({ values, forwards: true, dev: 'eth0', ways })), [
    /^failed \| net\.ipv4\.ip_forward \| .* \| sysctl -w net\.ipv4\.ip_forward=1/,
    /^failed \| net\.ipv4\.conf\.eth0\.rp_filter \| it is strict \(1\) and the way to host h2 leads by eth1/,
  ])
})

t.test('store', async (t) => {
  const latencies = [1, 900, 2]
  const health = { size: 1024 ** 2, alarms: [] }
  isOk(t, judgeStore({ latencies, health }))
  isOk(t, judgeStore({ latencies, health: undefined }))
  t.match(said(judgeStore({ latencies: [], health: undefined, problem: 'no answer' })), [
    /^failed \| etcd \| it cannot be reached: no answer; .* \| start etcd/,
  ])
  t.match(said(judgeStore({ latencies: [150, 160, 1], health })), [
    /^warning \| latency \| etcd takes 150 ms/,
    /^ok \| space/,
  ])
  t.match(said(judgeStore({ latencies, health: { size: 1.9 * 1024 ** 3, alarms: [] } })), [
    /^ok/,
    /^warning \| space \| etcd's file has 1946 MiB; .* \| etcdctl defrag/,
  ])
  t.match(said(judgeStore({ latencies, health: { ...health, alarms: ['NOSPACE', 'CORRUPT'] } })), [
    /^ok/,
    /^failed \| space \| etcd is full .* \| etcdctl compact .*; etcdctl defrag; etcdctl alarm disarm$/,
    /^failed \| space \| etcd has the alarm CORRUPT/,
  ])
})

t.test('firewall', async (t) => {
  const none = { refusals: [], obstacle: undefined, open: undefined }
  isOk(t, judgeFirewall(none))
  const packet = { dev: 'eth0', from: '192.0.2.2' as Ip, to: '192.0.2.1' as Ip, port: 4789 }
  const refusals = [
    { table: 'inet strict', chain: 'in', packet: { ...packet, way: 'in' as const } },
    { table: 'inet strict', chain: 'in', packet: { ...packet, way: 'in' as const } },
    { table: 'ip filter', chain: 'OUTPUT', packet: { ...packet, way: 'out' as const } },
  ]
  t.same(said(judgeFirewall({ ...none, refusals })), [
    'failed | inet strict in | this chain drops VXLAN packets (UDP 4789) of other hosts, as of 192.0.2.2 | nft insert rule inet strict in udp dport 4789 accept',
    'failed | ip filter OUTPUT | this chain drops VXLAN packets (UDP 4789) to other hosts, as to 192.0.2.1 | iptables -I OUTPUT -p udp --dport 4789 -j ACCEPT',
  ])
  t.equal(letPass('ip6 filter INPUT', 4789), 'ip6tables -I INPUT -p udp --dport 4789 -j ACCEPT')
  t.match(said(judgeFirewall({ ...none, obstacle: 'firewalld refuses VXLAN: run a; b' })), [
    'failed | firewalld | firewalld refuses VXLAN: run a; b | a; b',
  ])
  t.match(said(judgeFirewall({ ...none, open: 'no netfilter' })), [/^warning \| admission/])
})

t.test('tunnels', async (t) => {
  const small = { mark: 'a', size: 64, answered: true }
  const full = { mark: 'b', size: 1_450, answered: true }
  const there = { listens: true, heard: [], refusals: [], dev: 'ens3', mtu: 1_500 }
  const facts: TunnelFacts = {
    host: 'h2',
    network: 'blue',
    port: 4789,
    dev: 'eth0',
    mtu: 1_500,
    outer: 1_500,
    small,
    full,
  }
  isOk(t, judgeTunnel(facts))
  const lost = { ...full, answered: false }
  const one = (more: Partial<TunnelFacts>): string =>
    said(judgeTunnel({ ...facts, ...more }))[0] ?? ''
  t.match(
    one({ full: lost, there }),
    /^failed .* do not get to h2, small ones do \| give the network between the hosts an MTU of 1500/,
  )
  t.match(one({ full: lost, there, kept: 1_400 }), /^warning .*; packets are kept to 1400 bytes/)
  t.match(one({ full: lost, there: { ...there, heard: ['b'] } }), / do not come back from h2, /)
  t.match(
    one({ full: lost, there: { ...there, mtu: 1_400 } }),
    /\| ip link set dev ens3 mtu 1500 on h2$/,
  )
  t.match(one({ full: lost, there: { ...there, mtu: 9_000 } }), /\| ip link set dev eth0 mtu 9000$/)
  const deaf = (more: Partial<TunnelFacts>): readonly Found[] => {
    const { full: _, ...rest } = facts
    return judgeTunnel({ ...rest, small: { ...small, answered: false }, ...more })
  }
  t.match(said(deaf({ there })), [/from this host do not arrive at h2 \| let UDP 4789 pass to h2/])
  t.match(said(deaf({ there: { ...there, heard: ['a'] } })), [
    /arrive at h2, but what h2 sends back does not arrive here \| let UDP 4789 pass to this host/,
  ])
  const refusals = [{ table: 'inet strict', chain: 'in' }]
  t.match(said(deaf({ there: { ...there, refusals } })), [
    /: the chain "inet strict in" on h2 drops them \| on h2: nft insert rule inet strict in udp dport 4789 accept$/,
  ])
  t.same(deaf({ there: { ...there, listens: false } }), [], 'it has no container of the network')
  isOk(t, deaf({ there: 'host h2 does not answer' }))
  t.match(said(deaf({ small: { ...small, answered: false, refused: 'EPERM' } })), [
    /^failed .* this host's own firewall drops .*\| iptables -I OUTPUT -p udp --dport 4789 -j ACCEPT/,
  ])
  t.match(said(deaf({ small: { ...small, answered: false, refused: 'ENETUNREACH' } })), [
    /^failed .* cannot be sent to h2: ENETUNREACH/,
  ])
})

t.test('paths', async (t) => {
  const facts = { host: 'h2', vtep: '192.0.2.2' as Ip, dev: 'eth0', mtu: 1_500, full: 2, small: 2 }
  const one = (more: Partial<typeof facts> & { kept?: number; full?: number; small?: number }) =>
    said([judgePath({ ...facts, ...more })])[0]
  t.match(one({}), /^ok/)
  t.match(
    one({ full: 0 }),
    /^failed \| host h2 \| packets of 1500 bytes do not get to 192\.0\.2\.2/,
  )
  t.match(one({ full: 0, kept: 1_400 }), /^warning .* kept to 1400 bytes/)
  t.match(one({ full: 0, small: 0 }), /^ok .* does not answer echo requests/)
  const none = judgePath({ ...facts, full: undefined, small: undefined })
  t.match(none, { verdict: 'failed', says: 'this host has no way to 192.0.2.2' })
})

t.test('checksums', async (t) => {
  const some = { container: 'web', received: 100_000, wrong: 9 }
  isOk(t, judgeChecksums([some, { ...some, wrong: 90 }]))
  t.match(said(judgeChecksums([{ ...some, wrong: 1_000 }])), [
    /^warning \| container web \| 1000 of 101000 packets .* \| on the sending host: ethtool -K/,
  ])
})

t.test('leftovers', async (t) => {
  isOk(t, judgeSandboxes([]))
  t.match(said(judgeSandboxes(['1-abc'])), [/^warning \| sandbox 1-abc .*\| umount /])
  const report = { vtep: '', alive: false, self: false, networks: 1, endpoints: 2, blocks: 3 }
  isOk(t, judgeRecords([{ ...report, id: 'a', name: 'h1' }]))
  t.match(said(judgeRecords([{ ...report, id: 'a', name: '' }])), [/tsoverlay host rm a$/])
})

t.test('hosts', async (t) => {
  const asked: AskedHost = { host: 'h2', id: 'b', tookMs: 10, offsetMs: 100, version: '1.0.0' }
  const record = {
    id: 'b',
    name: 'h2',
    vtep: '',
    self: false,
    networks: 0,
    endpoints: 0,
    blocks: 0,
  }
  isOk(t, judgeSilence([asked], []))
  const silent = { host: 'h2', id: 'b', tookMs: 9, silent: 'host h2 does not answer: …' }
  t.match(said(judgeSilence([silent], [{ ...record, alive: true }])), [
    /^failed .*docker plugin ls/,
  ])
  t.match(said(judgeSilence([silent], [{ ...record, alive: false }])), [/^failed .*host rm b$/])
  isOk(t, judgeVersions([asked], '1.0.0'))
  t.match(said(judgeVersions([asked], '1.1.0')), [/^warning \| host h2 \| .* 1\.0\.0, .* 1\.1\.0/])
  isOk(t, judgeClocks([asked, { ...asked, offsetMs: 2_900, tookMs: 2_000 }]))
  t.match(said(judgeClocks([{ ...asked, offsetMs: -65_000 }])), [
    /^warning \| host h2 \| its clock is 65\.0 s behind this host's/,
  ])
})

t.test('records', async (t) => {
  const host: Host = { id: 'a', name: 'h1', vtep: '192.0.2.1' as Ip, boot: '1' }
  const network: Network = {
    key: 'n',
    identity: 'name:blue',
    space: '',
    backend: 'overlay',
    internal: false,
    segments: [{ vni: 256, subnets: [{ pool: '10.20.0.0/16' as Cidr }] }],
  }
  const endpoint: Endpoint = {
    id: 'e1',
    network: 'n',
    host: 'a',
    boot: '1',
    mac: '02:42:0a:14:00:02' as Mac,
    addresses: ['10.20.0.2/16' as Cidr],
    names: ['web'],
  }
  const records: Records = {
    hosts: [host, { ...host, id: 'b', name: 'h2', vtep: '192.0.2.2' as Ip }],
    networks: [network],
    endpoints: [endpoint, { ...endpoint, id: 'e2', network: 'other', host: 'b' }],
    ranges: [
      {
        name: 'h1',
        ranges: [{ range: '10.20.0.0/16' as Cidr, what: 'docker network x', kind: 'network' }],
      },
    ],
    nameOf: (key) => (key === 'n' ? 'blue' : key),
  }
  isOk(t, judgeAddresses(records))
  isOk(t, judgeTwins(records))
  isOk(t, judgeRanges(records))
  const double = { ...endpoint, id: 'e3', host: 'b', names: ['copy'] }
  t.match(said(judgeAddresses({ ...records, endpoints: [endpoint, double] })), [
    /^failed \| 10\.20\.0\.2 in blue \| several containers have this address: web on h1, copy on h2 \| docker rm -f copy on h2/,
  ])
  t.match(said(judgeTwins({ ...records, hosts: [host, { ...host, id: 'c', name: 'h3' }] })), [
    /^failed \| hosts h1, h3 \| they have one underlay address, 192\.0\.2\.1/,
  ])
  const route = { range: '10.20.3.0/24' as Cidr, what: 'the route by eth1', kind: 'route' as const }
  t.match(said(judgeRanges({ ...records, ranges: [{ name: 'h1', ranges: [route] }] })), [
    /^failed \| network blue \| its subnet 10\.20\.0\.0\/16 overlaps the route by eth1 10\.20\.3\.0\/24 of host h1/,
  ])
  const inside = { ...host, vtep: '10.20.0.9' as Ip }
  t.match(said(judgeRanges({ ...records, hosts: [inside] })), [
    /the underlay address 10\.20\.0\.9 of host h1/,
  ])
})
