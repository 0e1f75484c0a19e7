/** A container that tries to be another one: what of it the others get to see. */
import { join } from 'node:path'
import type { Ip } from '../../src/core/ip.js'
import type { Mac } from '../../src/core/mac.js'
import type { Plan } from '../../src/core/plan.js'
import { createDataplane } from '../../src/dataplane/dataplane.js'
import {
  arp,
  ether,
  icmp6,
  ipv4,
  ipv6,
  PROTO,
  sendFrames,
  TYPE,
  udp,
  vlan,
  watchFrames,
} from './frames.js'
import {
  inside,
  makeContainer,
  makeNetnsDir,
  onThrowAwayHost,
  planOf,
  removeContainer,
  run,
  SANDBOX,
  silent,
  unmountNetnsDir,
  until,
} from './kernel.js'

const ME = { mac: '02:42:0a:14:01:01', ip: '10.20.1.1', ip6: 'fd00:20::1' }
const YOU = { mac: '02:42:0a:14:01:02', ip: '10.20.1.2', ip6: 'fd00:20::2' }
const THIRD = { mac: '02:42:0a:14:01:03', ip: '10.20.1.3', ip6: 'fd00:20::3' }
const ROUTER = { ip: '10.20.0.1', ip6: 'fd00:20::ffff' }
const ALL = 'ff:ff:ff:ff:ff:ff'
const ALL_NODES = 'ff02::1'

const UNCHECKED = planOf({
  addresses: ['10.20.0.1/16', 'fd00:20::ffff/64'],
  ports: ['c1', 'c2'],
  peers: [[THIRD.ip, THIRD.mac, '192.0.2.9']],
})
const PLAN: Plan = {
  ...UNCHECKED,
  sources: [ME, YOU].map(({ mac, ip, ip6 }, index) => ({
    dev: `vethc${index + 1}`,
    mac: mac as Mac,
    ips: [ip, ip6] as Ip[],
  })),
}

const word = Buffer.from('marker')
const from = (mac: string, type: number, payload: Buffer, to = YOU.mac): Buffer =>
  ether(mac, to, type, payload)
const ip4 = (source: string): Buffer => ipv4(source, YOU.ip, udp(word))
const ip6 = (source: string): Buffer => ipv6(source, YOU.ip6, PROTO.UDP, udp(word))
const nd = (source: string, type: number, target?: string): Buffer =>
  from(ME.mac, TYPE.IPV6, ipv6(source, ALL_NODES, PROTO.ICMPV6, icmp6(type, target)))
/** An empty hop-by-hop header before an ICMPv6 message. */
const hidden = (message: Buffer): Buffer =>
  Buffer.concat([Buffer.from([PROTO.ICMPV6, 0, 1, 4, 0, 0, 0, 0]), message])

const HONEST: Readonly<Record<string, Buffer>> = {
  'IPv4 from its own address': from(ME.mac, TYPE.IPV4, ip4(ME.ip)),
  'IPv6 from its own address': from(ME.mac, TYPE.IPV6, ip6(ME.ip6)),
  'IPv4 from a link-local address': from(ME.mac, TYPE.IPV4, ip4('169.254.7.7')),
  'IPv6 from a link-local address': from(ME.mac, TYPE.IPV6, ip6('fe80::42:aff:fe14:101')),
  'ARP for its own address': from(ME.mac, TYPE.ARP, arp(ME, ME.ip), ALL),
  'an ARP request': from(ME.mac, TYPE.ARP, arp(ME, YOU.ip, 1), ALL),
  'an ARP probe': from(ME.mac, TYPE.ARP, arp({ ...ME, ip: '0.0.0.0' }, ME.ip, 1), ALL),
  'its own neighbour advertisement': nd(ME.ip6, 136, ME.ip6),
  'a neighbour solicitation': nd(ME.ip6, 135, YOU.ip6),
  'a look whether its own address is free': nd('::', 135, ME.ip6),
  'a look whether its link-local address is free': nd('::', 135, 'fe80::42:aff:fe14:101'),
  'an MLD report without an address': nd('::', 143),
  'an IPv6 ping': nd(ME.ip6, 128),
  'the second part of one': from(
    ME.mac,
    TYPE.IPV6,
    ipv6(ME.ip6, YOU.ip6, PROTO.FRAGMENT, Buffer.from([PROTO.ICMPV6, 0, 0, 8, 0, 0, 0, 7, 1, 2])),
  ),
}

const FORGED: Readonly<Record<string, Buffer>> = {
  "IPv4 from another's MAC": from(THIRD.mac, TYPE.IPV4, ip4(ME.ip)),
  "IPv4 from another's MAC and address": from(THIRD.mac, TYPE.IPV4, ip4(THIRD.ip)),
  "IPv4 from another's address": from(ME.mac, TYPE.IPV4, ip4(THIRD.ip)),
  "IPv4 from the receiver's address": from(ME.mac, TYPE.IPV4, ip4(YOU.ip)),
  "IPv4 from the gateway's address": from(ME.mac, TYPE.IPV4, ip4(ROUTER.ip)),
  'IPv4 from no address': from(ME.mac, TYPE.IPV4, ip4('0.0.0.0')),
  'IPv4 from outside': from(ME.mac, TYPE.IPV4, ip4('198.51.100.7')),
  'IPv4 in a VLAN': from(ME.mac, TYPE.VLAN, vlan(5, TYPE.IPV4, ip4(ME.ip))),
  "another's address behind a VLAN tag of 0": from(
    ME.mac,
    TYPE.VLAN,
    vlan(0, TYPE.IPV4, ip4(THIRD.ip)),
  ),
  "IPv6 from another's address": from(ME.mac, TYPE.IPV6, ip6(THIRD.ip6)),
  "IPv6 from another's MAC": from(THIRD.mac, TYPE.IPV6, ip6(ME.ip6)),
  'IPv6 from no address': from(ME.mac, TYPE.IPV6, ip6('::')),
  "ARP that says another's address is here": from(
    ME.mac,
    TYPE.ARP,
    arp({ ...ME, ip: THIRD.ip }, THIRD.ip),
    ALL,
  ),
  "ARP that says the gateway's address is here": from(
    ME.mac,
    TYPE.ARP,
    arp({ ...ME, ip: ROUTER.ip }, YOU.ip, 1),
  ),
  "ARP with another's MAC inside": from(
    ME.mac,
    TYPE.ARP,
    arp({ ...ME, mac: THIRD.mac }, YOU.ip, 1),
  ),
  "ARP from another's MAC": from(THIRD.mac, TYPE.ARP, arp(THIRD, YOU.ip, 1), ALL),
  "an advertisement of another's address": nd(ME.ip6, 136, THIRD.ip6),
  "an advertisement of another's address from a link-local one": nd('fe80::1', 136, THIRD.ip6),
  'such a one behind a hop-by-hop header': from(
    ME.mac,
    TYPE.IPV6,
    ipv6(ME.ip6, ALL_NODES, PROTO.HOP_BY_HOP, hidden(icmp6(136, THIRD.ip6))),
  ),
  'a router advertisement': nd('fe80::1', 134),
  'a redirect': nd('fe80::1', 137, YOU.ip6),
  "a look whether another's address is free": nd('::', 135, THIRD.ip6),
  'a packet of an unknown kind': from(ME.mac, TYPE.LLDP, word),
}

await onThrowAwayHost(import.meta.url, async () => {
  const { default: t } = await import('tap')
  const netnsDir = makeNetnsDir()
  const netns = join(netnsDir, SANDBOX)
  const files = join(netnsDir, '..')
  const dataplane = await createDataplane({ netnsDir, logger: silent })
  const first = await dataplane.apply(PLAN)
  const containers = [ME, YOU].map(({ ip, ip6: six }, index) => {
    const path = makeContainer(files, `c${index + 1}`)
    run('ip', 'link', 'set', `tsoc${index + 1}`, 'netns', path, 'name', 'eth0')
    inside(path, 'ip', 'addr', 'add', `${ip}/16`, 'dev', 'eth0')
    inside(path, 'ip', 'addr', 'add', `${six}/64`, 'dev', 'eth0', 'nodad')
    inside(path, 'ip', 'link', 'set', 'eth0', 'up')
    return path
  })
  const [mine = '', yours = ''] = containers
  const watcher = await watchFrames(yours, 'eth0')
  t.teardown(async () => {
    await watcher.stop()
    await dataplane.remove(SANDBOX)
    await dataplane.close()
    for (const path of containers) removeContainer(path)
    unmountNetnsDir(netnsDir)
  })

  let turn = 0
  /** Which of the frames reached the other container. An honest frame after them ends the wait. */
  const delivered = async (frames: Readonly<Record<string, Buffer>>): Promise<string[]> => {
    turn += 1
    const last = from(ME.mac, TYPE.IPV4, ipv4(ME.ip, YOU.ip, udp(Buffer.from(`last ${turn}`))))
    watcher.seen.length = 0
    sendFrames(mine, 'eth0', [...Object.values(frames), last])
    const ended = (): boolean => watcher.seen.includes(last.toString('hex'))
    await until(ended)
    if (!ended()) throw new Error('an honest frame was lost')
    return Object.keys(frames).filter((name) => {
      const payload = frames[name]?.subarray(12).toString('hex') ?? ''
      // the kernel may have taken a VLAN tag off
      const untagged = payload.startsWith('8100') ? payload.slice(8) : payload
      return watcher.seen.some((hex) => hex.slice(24) === payload || hex.slice(24) === untagged)
    })
  }
  const table = (): string => inside(netns, 'nft', 'list', 'ruleset')

  t.test('is made with the sandbox', async (t) => {
    t.same(first.failures, [])
    t.match(table(), /chain sources[\s\S]*policy drop/)
  })

  t.test('a container speaks for itself', async (t) => {
    t.same(await delivered(HONEST), Object.keys(HONEST))
    for (const to of [YOU.ip, ROUTER.ip, YOU.ip6, ROUTER.ip6]) {
      inside(mine, 'bash', '-c', `echo x > /dev/udp/${to}/9`)
      const found = (): boolean => /lladdr/.test(inside(mine, 'ip', 'neigh', 'show', to))
      await until(found)
      t.ok(found(), `${to} answers whoever asks for its MAC`)
    }
  })

  t.test('a container speaks for no other', async (t) => {
    t.same(await delivered(FORGED), [])
    for (const row of inside(yours, 'ip', 'neigh', 'show', 'dev', 'eth0').split('\n')) {
      t.notMatch(row, new RegExp(`^(${THIRD.ip}|${THIRD.ip6}) .*${ME.mac}`))
    }
    const fdb = inside(netns, 'bridge', 'fdb', 'show', 'dev', 'vethc1')
    t.notMatch(fdb, new RegExp(THIRD.mac), 'the bridge has learned nothing')
  })

  t.test('the tries reach others where the network has no source check', async (t) => {
    t.same((await dataplane.apply(UNCHECKED)).failures, [])
    t.equal(table(), '')
    t.same(await delivered(FORGED), Object.keys(FORGED), 'so the test can see them')
    t.same((await dataplane.apply(PLAN)).failures, [])
    t.same(await delivered(FORGED), [])
  })

  t.test('what others change is repaired and counted', async (t) => {
    const changes = [
      ['flush', 'ruleset'],
      ['flush', 'chain', 'bridge', 'tsoverlay', 'neighbours'],
      ['delete', 'element', 'bridge', 'tsoverlay', 'ip4', `{ "vethc1" . ${ME.ip} }`],
      ['add', 'element', 'bridge', 'tsoverlay', 'ip4', `{ "vethc1" . ${THIRD.ip} }`],
      ['add', 'rule', 'bridge', 'tsoverlay', 'newcomer', 'accept'],
    ]
    for (const change of changes) {
      inside(netns, 'nft', ...change)
      dataplane.queueResync(SANDBOX)
      const { drift, written, failures } = await dataplane.apply(PLAN)
      t.same(failures, [])
      t.ok(written > 0, change.join(' '))
      t.equal(drift, change[1] === 'element' && change[0] === 'add' ? 0 : 1, 'as drift')
      dataplane.queueResync(SANDBOX)
      t.same(await dataplane.apply(PLAN), { written: 0, drift: 0, failures: [] })
      t.same(await delivered(FORGED), [])
    }
  })

  t.test('a new process finds it as it is, and replaces that of another version', async (t) => {
    const next = async () => {
      const other = await createDataplane({ netnsDir, logger: silent })
      const result = await other.apply(PLAN)
      await other.close()
      return result
    }
    t.same(await next(), { written: 0, drift: 0, failures: [] })
    inside(netns, 'nft', 'delete', 'table', 'bridge', 'tsoverlay')
    inside(netns, 'nft', 'add', 'table', 'bridge', 'tsoverlay')
    inside(netns, 'nft', 'add', 'set', 'bridge', 'tsoverlay', 'ip4', '{ type ipv4_addr; }')
    const { drift, failures } = await next()
    t.same({ drift, failures }, { drift: 0, failures: [] })
    t.same(await delivered({ ...FORGED }), [])
  })

  t.test('a port that goes may speak no more', async (t) => {
    const [, other] = PLAN.sources ?? []
    const links = PLAN.links.filter(({ name }) => name !== 'vethc1')
    const result = await dataplane.apply({ ...PLAN, links, sources: other ? [other] : [] })
    t.same(result.failures, [])
    t.notMatch(table(), /"vethc1"/)
    t.match(table(), /"vethc2" \. 10\.20\.1\.2/)
  })
})
