import t from 'tap'
import { fdbOf, inWords, linksOf, routesOf } from './tables.js'

t.test('words', async (t) => {
  const words = new Map([
    ['10.99.0.2', 'h2'],
    ['tsv-4097', 'tunnel'],
    ['02:11:22:33:44:55', 'tunnel@h2'],
    ['10.20.2.0/24', 'block@h2'],
  ])
  const lines = {
    '10.20.2.0/24 via 10.20.2.0 dev tsv-4097 proto 116 onlink':
      'block@h2 via 10.20.2.0 dev tunnel proto 116 onlink',
    '10.20.3.0/24 via 10.99.0.2 dev eth0': '10.20.3.0/24 via h2 dev eth0',
    '02:11:22:33:44:55 dev tsv-4097 dst 10.99.0.2 self permanent':
      'tunnel@h2 dev tunnel dst h2 self permanent',
    '10.99.0.2/32 dev vethabc1234 lladdr 0a:0b:0c:0d:0e:0f': 'h2/32 dev veth lladdr MAC',
    'blackhole 10.99.0.20 dev br-0123456789ab': 'blackhole 10.99.0.20 dev br-ID',
    'fd10:99::2 dev vethernet': 'fd10:99::2 dev vethernet',
  }
  for (const [line, wanted] of Object.entries(lines)) t.equal(inWords(line, words), wanted)
})

t.test('routes, without what has nothing to do with reaching anybody', async (t) => {
  const text = `default via 10.99.0.254 dev eth0 
172.17.0.0/16 dev docker0 proto kernel scope link src 172.17.0.1 linkdown 
fd10:99::/64 dev eth0 proto kernel metric 256 pref medium
fe80::/64 dev eth0 proto kernel metric 256 pref medium
multicast ff00::/8 dev eth0 table local proto kernel metric 256 pref medium
`
  t.same(routesOf(text), [
    'default via 10.99.0.254 dev eth0',
    '172.17.0.0/16 dev docker0 proto kernel scope link src 172.17.0.1',
    'fd10:99::/64 dev eth0 proto kernel metric 256',
  ])
})

t.test('FDB entries that somebody has set', async (t) => {
  const text = `33:33:00:00:00:01 dev eth0 self permanent
02:42:f5:5c:4f:c2 dev docker0 master docker0 permanent
ae:a2:cb:f2:bc:c6 dev veth0 master br0 
02:42:0a:14:00:02 dev veth0 master br0 static
4e:55:ee:0a:90:38 dev flannel.1 dst 192.168.1.245 self permanent
`
  t.same(fdbOf(text), [
    '02:42:0a:14:00:02 dev veth0 master br0 static',
    '4e:55:ee:0a:90:38 dev flannel.1 dst 192.168.1.245 self permanent',
  ])
})

t.test('links', async (t) => {
  const link = { ifindex: 1, flags: ['UP'], mtu: 1_450, address: '02:00:00:00:00:01' }
  const address = (local: string, prefixlen: number, scope = 'global') => ({
    local,
    prefixlen,
    scope,
  })
  const links = [
    { ...link, ifname: 'lo' },
    {
      ...link,
      ifname: 'flannel.1',
      linkinfo: {
        info_kind: 'vxlan',
        info_data: { id: 1, link: 'eth0', local: '192.168.1.68', port: 8_472, learning: false },
      },
      addr_info: [address('40.15.43.0', 32), address('fe80::1', 64, 'link')],
    },
    {
      ...link,
      ifname: 'veth0',
      flags: [],
      master: 'br0',
      linkinfo: {
        info_kind: 'veth',
        info_slave_kind: 'bridge',
        info_slave_data: { learning: false, flood: true, isolated: true, hairpin: false },
      },
    },
    {
      ...link,
      ifname: 'vx6',
      linkinfo: {
        info_kind: 'vxlan',
        info_data: { id: 2, local6: 'fd10::1', port: 1, proxy: true },
      },
    },
  ]
  t.same(linksOf(JSON.stringify(links)), [
    'flannel.1 mtu 1450 up 02:00:00:00:00:01 vxlan id 1 local 192.168.1.68 dev eth0 dstport 8472 nolearning inet 40.15.43.0/32',
    'veth0 mtu 1450 down master br0 02:00:00:00:00:01 veth learning off isolated on',
    'vx6 mtu 1450 up 02:00:00:00:00:01 vxlan id 2 local fd10::1 dstport 1 proxy',
  ])
})
