/** Ports of routed networks in the host's namespace, beside ports of others: who may say what. */
import type { Ip } from '../../src/core/ip.js'
import type { Mac } from '../../src/core/mac.js'
import { NftTable } from '../../src/dataplane/nft/table.js'
import { openNetfilter } from '../../src/dataplane/rtnl/netlink-rtnl.js'
import { HOST_SOURCE_CHECK, sourceElements } from '../../src/dataplane/tables/source-check.js'
import type { Watcher } from './frames.js'
import { arp, ether, ipv4, ipv6, PROTO, sendFrames, TYPE, udp, watchFrames } from './frames.js'
import {
  inside,
  makeContainer,
  makeNetnsDir,
  onThrowAwayHost,
  removeContainer,
  run,
  unmountNetnsDir,
  until,
} from './kernel.js'

const NAMES = ['one', 'two'] as const
const ME = { mac: '02:42:0a:14:01:02', ip: '10.20.1.2', ip6: 'fd00:20:1::2' }
const YOU = { mac: '02:42:0a:14:01:03', ip: '10.20.1.3', ip6: 'fd00:20:1::3' }
const GATEWAY = { mac: ME.mac, ip: '10.20.1.1' }
const ALL = 'ff:ff:ff:ff:ff:ff'
const SOURCES = [ME, YOU].map(({ mac, ip, ip6 }, at) => ({
  dev: `tsp-${NAMES[at]}`,
  mac: mac as Mac,
  ips: [ip, ip6] as Ip[],
}))

const word = udp(Buffer.from('marker'))
const frame = (mac: string, source: string): Buffer =>
  ether(mac, YOU.mac, TYPE.IPV4, ipv4(source, YOU.ip, word))
const HONEST: Readonly<Record<string, Buffer>> = {
  'IPv4 from its own address': frame(ME.mac, ME.ip),
  'ARP for its own address': ether(ME.mac, ALL, TYPE.ARP, arp(ME, ME.ip)),
  'IPv6 from its own address': ether(
    ME.mac,
    YOU.mac,
    TYPE.IPV6,
    ipv6(ME.ip6, YOU.ip6, PROTO.UDP, word),
  ),
}
const FORGED: Readonly<Record<string, Buffer>> = {
  "IPv4 from another's address": frame(ME.mac, '10.20.1.9'),
  'IPv4 from an address elsewhere': frame(ME.mac, '10.20.2.2'),
  "IPv4 from another's MAC": frame('02:42:0a:14:01:09', ME.ip),
  "ARP for the gateway's address": ether(ME.mac, ALL, TYPE.ARP, arp(GATEWAY, YOU.ip)),
  'a packet of an unknown kind': ether(ME.mac, YOU.mac, TYPE.LLDP, word),
}

await onThrowAwayHost(import.meta.url, async () => {
  const { default: t } = await import('tap')
  const netnsDir = makeNetnsDir()
  const socket = openNetfilter()
  if (socket === undefined) throw new Error('no netfilter')
  const table = new NftTable(HOST_SOURCE_CHECK, { in: 'rules', name: 'source check' })
  /** Two containers on a bridge; ports are named so. */
  const makePair = (bridge: string, prefix: string): string[] => {
    run('ip', 'link', 'add', bridge, 'up', 'type', 'bridge')
    return [ME, YOU].map(({ mac }, at) => {
      const path = makeContainer(netnsDir, `${bridge}-${NAMES[at]}`)
      const port = `${prefix}${NAMES[at]}`
      run('ip', 'link', 'add', port, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', path)
      run('ip', 'link', 'set', port, 'master', bridge, 'up')
      inside(path, 'ip', 'link', 'set', 'eth0', 'address', mac, 'up')
      return path
    })
  }
  const ours = makePair('tsb-x', 'tsp-')
  const docker = makePair('docker0', 'veth')
  const watchers = new Map<string | undefined, Watcher>()
  for (const path of [ours[1], docker[1]]) watchers.set(path, await watchFrames(path ?? '', 'eth0'))
  t.teardown(async () => {
    for (const watcher of watchers.values()) await watcher.stop()
    await socket.close()
    for (const path of [...ours, ...docker]) removeContainer(path)
    unmountNetnsDir(netnsDir)
  })

  let turn = 0
  const delivered = async (
    [from = '', to]: readonly string[],
    frames: Readonly<Record<string, Buffer>>,
  ): Promise<string[]> => {
    turn += 1
    const words = udp(Buffer.from(`last ${turn}`))
    const last = ether(ME.mac, YOU.mac, TYPE.IPV4, ipv4(ME.ip, YOU.ip, words))
    const seen = watchers.get(to)?.seen ?? []
    seen.length = 0
    sendFrames(from, 'eth0', [...Object.values(frames), last])
    await until(() => seen.includes(last.toString('hex')))
    t.ok(seen.includes(last.toString('hex')), 'the last one comes')
    return Object.keys(frames).filter((name) => seen.includes(frames[name]?.toString('hex') ?? ''))
  }

  t.test('without rules all arrive, so the test can see them', async (t) => {
    t.same(await delivered(ours, HONEST), Object.keys(HONEST))
    t.same(await delivered(ours, FORGED), Object.keys(FORGED))
  })

  t.test('a port of ours says its own only, ports of others what they like', async (t) => {
    table.setDesired(sourceElements(SOURCES))
    t.match(await table.apply(socket), { failures: [] })
    t.equal(table.unsupported, undefined)
    t.same(await delivered(ours, HONEST), Object.keys(HONEST))
    t.same(await delivered(ours, FORGED), [])
    t.same(await delivered(docker, HONEST), Object.keys(HONEST))
    t.same(await delivered(docker, FORGED), Object.keys(FORGED))
  })

  t.test('a port that is not named is not heard', async (t) => {
    const [port = ''] = ours
    const seen = watchers.get(ours[1])?.seen ?? []
    run('ip', 'link', 'set', 'tsp-one', 'name', 'tsp-new')
    seen.length = 0
    sendFrames(port, 'eth0', Object.values(HONEST))
    run('ip', 'link', 'set', 'tsp-new', 'name', 'tsp-one')
    t.same(
      await delivered(ours, {
        'IPv4 from its own address': HONEST['IPv4 from its own address'] ?? word,
      }),
      ['IPv4 from its own address'],
    )
    t.equal(
      seen.filter((hex) => hex === HONEST['ARP for its own address']?.toString('hex')).length,
      0,
    )
  })
})
