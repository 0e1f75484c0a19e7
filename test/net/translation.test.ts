/** Masquerade and published ports of routed networks: who sees whom, and who is reached. */
import type { Ip } from '../../src/core/ip.js'
import type { Domain } from '../../src/core/plan.js'
import type { PublishedPort } from '../../src/core/published-port.js'
import { NftTable } from '../../src/dataplane/nft/table.js'
import { openNetfilter } from '../../src/dataplane/rtnl/netlink-rtnl.js'
import { ISOLATION, isolationElements } from '../../src/dataplane/tables/isolation.js'
import { TRANSLATION, translationElements } from '../../src/dataplane/tables/translation.js'
import { ether, ipv4, sendFrames, TYPE, udp } from './frames.js'
import { inside, onThrowAwayHost, run, until } from './kernel.js'
import { HOST_ADDRESS, makeRoutedHost, WORLD, X, Y } from './routed-host.js'
import { PORT } from './talker.js'

const X1 = '10.20.1.2' as Ip
const X2 = '10.20.1.3' as Ip
const LOCALHOST = '127.0.0.1' as Ip

const WEB: PublishedPort = { protocol: 'tcp', hostPort: 8080, to: X1, port: PORT }
const PUBLISHED: readonly PublishedPort[] = [
  WEB,
  { ...WEB, to: 'fd00:20:1::2' as Ip },
  { ...WEB, hostIp: LOCALHOST, hostPort: 8081 },
  { ...WEB, hostIp: '0.0.0.0' as Ip, hostPort: 8082 },
  { protocol: 'udp', hostPort: 8053, to: X1, port: PORT + 1 },
  // as frames.ts makes them
  { protocol: 'udp', hostPort: 2222, to: X1, port: PORT },
]
const PUBLIC: Domain = { ...X, masquerade: true, published: PUBLISHED }

const macOf = (link: string, netns?: string): string => {
  const show = ['ip', '-j', 'link', 'show', link] as const
  const text = netns === undefined ? run(...show) : inside(netns, ...show)
  return JSON.parse(text)[0].address
}

await onThrowAwayHost(import.meta.url, async () => {
  const { default: t } = await import('tap')
  const host = await makeRoutedHost()
  const { x1, x2, y1, d1, other, host: self } = host.talkers
  const socket = openNetfilter()
  if (socket === undefined) throw new Error('no netfilter')
  const isolation = new NftTable(ISOLATION, { in: 'rules', name: 'isolation' })
  const table = new NftTable(TRANSLATION, { in: 'rules', name: 'translation' })
  run('sysctl', '-qw', 'net.ipv4.conf.tsb-x.route_localnet=1')
  t.teardown(async () => {
    await host.stop()
    await socket.close()
  })

  const want = async (domains: readonly Domain[]) => {
    isolation.setDesired(isolationElements(domains, 'eth0'))
    table.setDesired(translationElements(domains))
    for (const one of [isolation, table]) one.queueResync()
    t.match(await isolation.apply(socket), { failures: [] })
    return table.apply(socket)
  }

  t.test('of closed domains without masquerade and ports there is no table', async (t) => {
    const closed = [X, Y].map((domain) => ({ ...domain, exposed: false }))
    t.same(await want(closed), { written: 0, drift: 0, failures: [] })
    t.notMatch(run('nft', 'list', 'tables'), /tsoverlay_nat/)
    t.equal(await x1.ask(WORLD), 'other sees 10.20.1.2')
    t.equal(await other.ask(HOST_ADDRESS, 8080), 'ECONNREFUSED')
  })

  t.test(
    "what comes to containers that answer another way has their bridge's address",
    async (t) => {
      t.match(await want([X, { ...Y, masquerade: true }]), { failures: [] })
      t.equal(await other.ask(X1, undefined, WORLD), 'x1 sees 10.20.1.1')
      t.equal(await x2.ask(X1), 'x1 sees 10.20.1.3', 'but not what comes from the network itself')
      t.equal(await x1.ask(WORLD), 'other sees 10.20.1.2', 'nor what they send')
    },
  )

  t.test("what leaves the network has the host's address", async (t) => {
    t.match(await want([{ ...X, masquerade: true }, Y]), { failures: [] })
    t.equal(table.unsupported, undefined)
    t.equal(await x1.ask(WORLD), 'other sees 192.0.2.1')
    t.equal(await x1.ask('2001:db8:9::9'), 'other sees 2001:db8::1')
    t.equal(await x1.ask('10.20.2.2'), 'other sees 10.20.1.2', 'but not in its own ranges')
    t.equal(await x1.ask('fd00:20:2::2'), 'other sees fd00:20:1::2')
    t.equal(await x1.ask(X2), 'x2 sees 10.20.1.2')
    t.equal(await x1.ask(HOST_ADDRESS), 'host sees 10.20.1.2', 'nor to the host itself')
    t.equal(await other.ask(X1, undefined, WORLD), `x1 sees ${WORLD}`, 'nor what comes in')
    t.equal(await y1.ask(WORLD), 'other sees 10.30.1.2', 'nor from a network without')
  })

  t.test('published ports are reached by all ways to the host', async (t) => {
    t.match(await want([PUBLIC, Y]), { failures: [] })
    t.equal(await other.ask(HOST_ADDRESS, 8080), 'x1 sees 192.0.2.2')
    t.equal(await other.ask('2001:db8::1', 8080), 'x1 sees 2001:db8::2')
    t.equal(await other.ask(HOST_ADDRESS, 8082), 'x1 sees 192.0.2.2', '0.0.0.0 is any address')
    t.equal(await other.ask(HOST_ADDRESS, 8081), 'ECONNREFUSED', 'of localhost only')
    t.equal(await other.askUdp(HOST_ADDRESS, 8053), '192.0.2.2')
    t.equal(await self.ask(HOST_ADDRESS, 8080), 'x1 sees 192.0.2.1')
    t.equal(await self.ask(LOCALHOST, 8080), 'x1 sees 10.20.1.1')
    t.equal(await self.ask(LOCALHOST, 8081), 'x1 sees 10.20.1.1')
    t.equal(await x2.ask(HOST_ADDRESS, 8080), 'x1 sees 10.20.1.1', 'back into the bridge')
    t.equal(await x1.ask(HOST_ADDRESS, 8080), 'x1 sees 10.20.1.1', 'and to itself')
    t.equal(await x2.ask('10.20.1.1', 8080), 'x1 sees 10.20.1.1', 'by its gateway')
    t.equal(await y1.ask(HOST_ADDRESS, 8080), 'x1 sees 10.30.1.2', 'from another network')
    t.equal(await d1.ask(HOST_ADDRESS, 8080), 'x1 sees 172.17.0.2', "from Docker's")
    t.equal(await y1.ask(X1), 'silence', 'which do not reach the container itself')
    t.equal(await other.ask(HOST_ADDRESS, PORT), 'host sees 192.0.2.2', 'other ports stay')
  })

  t.test('also of a network that nobody else may speak to', async (t) => {
    t.match(await want([{ ...PUBLIC, exposed: false }, Y]), { failures: [] })
    t.equal(await other.ask(HOST_ADDRESS, 8080), 'x1 sees 192.0.2.2')
    t.equal(await self.ask(LOCALHOST, 8080), 'x1 sees 10.20.1.1')
    t.equal(await self.ask(HOST_ADDRESS, 8080), 'x1 sees 192.0.2.1')
    t.equal(await other.ask(X1), 'silence')
    t.equal(await self.ask(X1), 'silence')
  })

  t.test('where frames within a bridge are shown to iptables', async (t) => {
    run('sysctl', '-qw', 'net.bridge.bridge-nf-call-iptables=1')
    t.equal(await x2.ask(HOST_ADDRESS, 8080), 'x1 sees 10.20.1.1')
    t.equal(await x2.ask(X1), 'x1 sees 10.20.1.3')
    t.equal(await x1.ask(HOST_ADDRESS, 8080), 'silence', 'no bridge sends a frame back')
    run('bridge', 'link', 'set', 'dev', 'tsp-x1', 'hairpin', 'on')
    t.equal(await x1.ask(HOST_ADDRESS, 8080), 'x1 sees 10.20.1.1', 'unless it is told to')
    run('bridge', 'link', 'set', 'dev', 'tsp-x1', 'hairpin', 'off')
    run('sysctl', '-qw', 'net.bridge.bridge-nf-call-iptables=0')
  })

  t.test('packets to 127.0.0.1 from elsewhere', async (t) => {
    t.match(await want([PUBLIC, Y]), { failures: [] })
    let turn = 0
    /** Whether a packet to localhost gets to a port; one to another address comes after it. */
    const passes = async (
      [netns, source, router]: readonly [string, string, string],
      receiver: typeof x1,
      port: number,
      last: string,
    ): Promise<boolean> => {
      turn += 1
      const [bad, good] = [LOCALHOST, last].map((to) => {
        const words = udp(Buffer.from(`${turn} to ${to}`))
        words.writeUInt16BE(port, 2)
        return ether(macOf('eth0', netns), macOf(router), TYPE.IPV4, ipv4(source, to, words))
      })
      sendFrames(
        netns,
        'eth0',
        [bad, good].flatMap((frame) => frame ?? []),
      )
      await until(() => receiver.heard.includes(`${turn} to ${last}`))
      t.ok(receiver.heard.includes(`${turn} to ${last}`), 'the last one comes')
      return receiver.heard.includes(`${turn} to ${LOCALHOST}`)
    }
    const neighbour = [host.netns.other, '192.0.2.2', 'eth0'] as const
    t.equal(await passes(neighbour, x1, 2222, HOST_ADDRESS), false, 'to a published port')
    const container = [host.netns.x1, X1, 'tsb-x'] as const
    t.equal(await passes(container, self, PORT, HOST_ADDRESS), false, "to the host's localhost")
    isolation.setDesired(undefined)
    await isolation.apply(socket)
    t.equal(await passes(container, self, PORT, HOST_ADDRESS), true, 'where there is no rule')
    run('nft', 'flush', 'chain', 'inet', 'tsoverlay_nat', 'prerouting')
    const rule = 'meta nfproto ipv4 fib daddr type local goto published4'
    run('nft', 'add', 'rule', 'inet', 'tsoverlay_nat', 'prerouting', ...rule.split(' '))
    t.equal(await passes(neighbour, x1, 2222, HOST_ADDRESS), true, 'where there is none')
  })

  t.test('a port that leads elsewhere, comes and goes is one batch', async (t) => {
    t.equal((await want([PUBLIC, Y])).drift, 1)
    const moved = { ...PUBLIC, published: [{ ...WEB, to: X2 }, ...PUBLISHED.slice(1)] }
    t.same(await want([moved, Y]), { written: 2, drift: 0, failures: [] })
    t.equal(await other.ask(HOST_ADDRESS, 8080), 'x2 sees 192.0.2.2')
    const gone = { ...PUBLIC, published: PUBLISHED.slice(1) }
    t.same(await want([gone, Y]), { written: 1, drift: 0, failures: [] })
    t.equal(await other.ask(HOST_ADDRESS, 8080), 'ECONNREFUSED')
    t.same(await want([PUBLIC, Y]), { written: 1, drift: 0, failures: [] })
    t.equal(await other.ask(HOST_ADDRESS, 8080), 'x1 sees 192.0.2.2')
    const next = new NftTable(TRANSLATION, { in: 'rules', name: 'translation' })
    next.setDesired(translationElements([Y, PUBLIC]))
    t.same(await next.apply(socket), { written: 0, drift: 0, failures: [] }, 'a new process')
  })

  t.test('beside rules of others', async (t) => {
    const rule = `-t nat -A PREROUTING -p tcp --dport 8088 -m addrtype --dst-type LOCAL -j DNAT --to 172.17.0.2:${PORT}`
    run('iptables', ...rule.split(' '))
    t.equal(await other.ask(HOST_ADDRESS, 8088), 'd1 sees 192.0.2.2')
    t.equal(await other.ask(HOST_ADDRESS, 8080), 'x1 sees 192.0.2.2')
    t.equal(await x1.ask(HOST_ADDRESS, 8088), 'd1 sees 172.17.0.1', "Docker's port is for all, too")
    const wrong = { ...WEB, hostIp: '2001:db8::1' as Ip, hostPort: 9000 }
    t.match(await want([{ ...PUBLIC, published: [...PUBLISHED, wrong] }]), { failures: [] })
  })
})
