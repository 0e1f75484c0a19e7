/** What e2e tests see a host's own namespace with: its tables in words, and the objects of others. */
import t from 'tap'
import { dumpOnFailure } from '../lab/diagnostics.js'
import { plantForeign } from '../lab/foreign.js'
import type { Host } from '../lab/host.js'
import { Lab } from '../lab/lab.js'
import { tablesOf, wordsOf } from '../lab/tables.js'
import { ip } from '../lab/underlay.js'

if (process.geteuid?.() !== 0) {
  t.plan(0, 'needs root')
  process.exit()
}
t.setTimeout(300_000)

const lab = await Lab.up({ hosts: 2, log: (line) => t.comment(line) })
t.teardown(() => lab.down())
dumpOnFailure(t, () => lab)
const [h1, h2] = [lab.host(1), lab.host(2)]

/** What Flannel has on two hosts; each host K has the block 10.20.K.0/24. */
async function flannel(host: Host, other: Host): Promise<void> {
  const [own, block] = [host, other].map(({ spec }) => `10.20.${spec.index}`)
  const mac = `02:aa:00:00:00:0${other.spec.index}`
  await ip(
    host,
    'link add tsb-0123456789 type bridge',
    `addr add ${own}.1/24 dev tsb-0123456789`,
    'link set tsb-0123456789 mtu 1450 up',
    `link add tsv-4097 address 02:aa:00:00:00:0${host.spec.index} type vxlan id 4097 dstport 4789 local ${host.address} dev eth0 nolearning`,
    'link set tsv-4097 up',
    `neigh add ${block}.0 lladdr ${mac} dev tsv-4097 nud permanent`,
    `route add ${block}.0/24 via ${block}.0 dev tsv-4097 onlink proto 116`,
    `route add blackhole ${own}.0/24 proto 116 metric 9999`,
    `route add 10.21.${other.spec.index}.0/24 via ${other.address} proto 116`,
  )
  const fdb = ['bridge', 'fdb', 'append', mac, 'dev', 'tsv-4097', 'dst', other.address]
  await host.sh(fdb)
}

t.test('tables in words are the same in each lab', async (t) => {
  await Promise.all([flannel(h1, h2), flannel(h2, h1)])
  t.teardown(async () => {
    for (const host of lab.hosts) {
      await ip(host, 'link del tsb-0123456789', 'link del tsv-4097', 'route flush proto 116')
    }
  })
  const words = await wordsOf(lab.hosts, { 'tsb-0123456789': 'bridge', 'tsv-4097': 'tunnel' })
  const { routes, links, fdb, neighbours } = await tablesOf(h1, words)
  const ours = (lines: readonly string[]) =>
    lines.filter((line) => /bridge\b.*|tunnel|proto 116|default/.test(line))
  t.same(ours(routes), [
    '10.20.1.0/24 dev bridge proto kernel scope link src 10.20.1.1',
    '10.20.2.0/24 via 10.20.2.0 dev tunnel proto 116 onlink',
    '10.21.2.0/24 via h2 dev eth0 proto 116',
    'blackhole 10.20.1.0/24 proto 116 metric 9999',
    'default via gateway dev eth0',
  ])
  t.same(
    ours(links).filter((line) => !line.startsWith('docker0')),
    [
      'bridge mtu 1450 up bridge@h1 bridge inet 10.20.1.1/24',
      'tunnel mtu 1450 up tunnel@h1 vxlan id 4097 local h1 dev eth0 dstport 4789 nolearning',
    ],
  )
  t.same(fdb, ['tunnel@h2 dev tunnel dst h2 self permanent'])
  t.same(neighbours, ['10.20.2.0 dev tunnel lladdr tunnel@h2 PERMANENT'])
  const mirrored = await tablesOf(h2, words)
  t.same(mirrored.fdb, ['tunnel@h1 dev tunnel dst h1 self permanent'])
})

/** What a careless program does, and the line that tells of it. */
const DAMAGES: readonly (readonly [string, RegExp])[] = [
  ['ip link del fbr0', /^- link fbr0/],
  ['ip link set fveth0 nomaster', /^- link fveth0 .*"master":"fbr0"/],
  ['ip link del fvx0', /^- link fvx0/],
  ['ip addr del 10.201.0.1/24 dev fbr0', /^- link fbr0 .*10\.201\.0\.1\/24/],
  ['ip link set fbr0 mtu 1400', /^\+ link fbr0 .*"mtu":1400/],
  [
    'ip route replace 10.20.2.0/24 dev eth0 proto 116 metric 4242',
    /^- route .*"dst":"10.20.2.0\/24"/,
  ],
  ['ip route del fd20::/64 metric 4242', /^- route .*"dst":"fd20::\/64"/],
  ['ip route flush proto bird', /^- route .*"dst":"203.0.113.0\/24"/],
  ['ip route flush table 4242', /^- route .*"table":"4242"/],
  ['ip route del default', /^- route .*"dst":"default"/],
  ['ip rule del pref 4242', /^- rule 4242:/],
  ['ip neigh del 10.202.0.0 dev fvx0', /^- neighbour .*10\.202\.0\.0/],
  ['bridge fdb del 02:f0:00:00:00:01 dev fvx0', /^- fdb .*02:f0:00:00:00:01/],
  ['nft flush chain inet foreign forward', /^- nft ip saddr @hosts accept/],
  ['nft delete element inet foreign hosts { 203.0.113.1 }', /^- nft elements/],
  ['nft delete table inet foreign', /^- nft table inet foreign/],
  ['iptables -F FOREIGN', /^- iptables -A FOREIGN/],
  ['iptables -t nat -F POSTROUTING', /^- iptables -A POSTROUTING/],
  ['echo 0 >/proc/sys/net/ipv6/conf/all/accept_ra', /^- setting ipv6\/conf\/all\/accept_ra:1/],
  [
    // made again as it was
    'nft list table inet foreign >/run/was; nft delete table inet foreign; nft -f /run/was',
    /^- nft table inet foreign \{ # handle/,
  ],
]
/** What a damage took that is not of `plantForeign`. */
const repair = `ip route replace default via ${h1.gateway}
echo 1 >/proc/sys/net/ipv6/conf/all/accept_ra`

t.test('what others have', async (t) => {
  const options = { destinations: ['10.20.2.0/24', 'fd20::/64'], vni: 4_097, port: 4_789 }

  t.test('is untouched by Docker’s life and by routes beside it', async (t) => {
    const foreign = await plantForeign(h1, options)
    t.teardown(() => foreign.remove())
    t.same(await foreign.changes(), [])
    await ip(h1, `route add 10.20.2.0/24 via ${h2.address} proto 116`)
    await h1.docker(['network', 'create', 'own'])
    await h1.docker(['run', '-d', '--name', 'web', '-p', '8080:80', 'lab', 'sleep', '600'])
    await h1.docker(['run', '--rm', '--net', 'own', 'lab', 'true'])
    t.same(await foreign.changes(), [])
    await h1.docker(['rm', '-f', 'web'])
    await h1.docker(['network', 'rm', 'own'])
    await ip(h1, 'route del 10.20.2.0/24 proto 116')
    t.same(await foreign.changes(), [])
  })

  t.test('is missed, whatever is done to it', async (t) => {
    for (const [damage, told] of DAMAGES) {
      const foreign = await plantForeign(h1, options)
      await h1.sh(['bash', '-ec', damage])
      const changes = await foreign.changes()
      t.ok(
        changes.some((line) => told.test(line)),
        damage,
        { changes },
      )
      await h1.sh(['bash', '-ec', repair])
      await foreign.remove()
    }
  })

  t.test('goes without a trace', async (t) => {
    const before = [await tablesOf(h1), (await h1.sh(['nft', 'list', 'ruleset'])).stdout]
    const foreign = await plantForeign(h1, options)
    t.notSame(await tablesOf(h1), before[0])
    await foreign.remove()
    t.same([await tablesOf(h1), (await h1.sh(['nft', 'list', 'ruleset'])).stdout], before)
    await foreign.remove()
  })
})
