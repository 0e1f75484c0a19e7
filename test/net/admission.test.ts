/** Strangers that send VXLAN packets with our VNI: what of it the containers get to see. */
import { join } from 'node:path'
import type { Ip } from '../../src/core/ip.js'
import { HOST, type StrangersPlan } from '../../src/core/plan.js'
import type { ApplyResult, Dataplane } from '../../src/core/ports.js'
import { createDataplane } from '../../src/dataplane/dataplane.js'
import { ether, ipv4, sendDatagrams, TYPE, udp, watchFrames } from './frames.js'
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

const OWN = '192.0.2.1'
const MEMBER = '192.0.2.2'
const OTHER_MEMBER = '192.0.2.3'
const STRANGER = '192.0.2.66'
const VNI = 4096
/** Docker's own overlay: a vxlan device of another VNI on the same port. */
const FOREIGN_VNI = 4097
const VICTIM = { mac: '02:42:0a:14:01:01', ip: '10.20.1.1' }
const SOMEONE = { mac: '02:42:0a:14:01:09', ip: '10.20.1.9' }

const PLAN: StrangersPlan = {
  port: 4789,
  vnis: [VNI],
  vteps: [OWN, MEMBER, OTHER_MEMBER, '2001:db8::2'] as Ip[],
  partial: false,
  create: true,
}
const CLEAN = { written: 0, drift: 0, failures: [] }

/** A frame for the victim in a VXLAN packet (RFC 7348). */
const vxlan = (vni: number, words: string): { packet: Buffer; frame: string } => {
  const inner = ipv4(SOMEONE.ip, VICTIM.ip, udp(Buffer.from(words)))
  const frame = ether(SOMEONE.mac, VICTIM.mac, TYPE.IPV4, inner)
  const head = Buffer.from([8, 0, 0, 0, vni >> 16, (vni >> 8) & 255, vni & 255, 0])
  return { packet: Buffer.concat([head, frame]), frame: frame.toString('hex') }
}

/** A plan of the host's place with nothing but these, made by a pass that looks for what others changed. */
function admit(dataplane: Dataplane, strangers: StrangersPlan): Promise<ApplyResult> {
  dataplane.queueResync(HOST)
  return dataplane.apply({ place: HOST, links: [], neighbours: [], fdb: [], strangers })
}

await onThrowAwayHost(import.meta.url, async () => {
  const { default: t } = await import('tap')
  const netnsDir = makeNetnsDir()
  const files = join(netnsDir, '..')
  // the underlay: another machine with the addresses of a host of the cluster and of a stranger
  const outside = makeContainer(files, 'outside')
  run('ip', 'link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', outside)
  run('ip', 'addr', 'add', `${OWN}/24`, 'dev', 'eth0')
  run('ip', 'link', 'set', 'eth0', 'up')
  for (const ip of [MEMBER, OTHER_MEMBER, STRANGER])
    inside(outside, 'ip', 'addr', 'add', `${ip}/24`, 'dev', 'eth0')
  inside(outside, 'ip', 'link', 'set', 'eth0', 'up')
  // docker_gwbridge with a container that may send whatever it likes
  run('ip', 'link', 'add', 'gw', 'type', 'bridge')
  run('ip', 'addr', 'add', '172.18.0.1/16', 'dev', 'gw')
  run('ip', 'link', 'set', 'gw', 'up')
  const inner = makeContainer(files, 'inner')
  run('ip', 'link', 'add', 'gw0', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', inner)
  run('ip', 'link', 'set', 'gw0', 'master', 'gw', 'up')
  for (const ip of ['172.18.0.2/16', `${MEMBER}/32`]) {
    inside(inner, 'ip', 'addr', 'add', ip, 'dev', 'eth0')
  }
  inside(inner, 'ip', 'link', 'set', 'eth0', 'up')
  inside(inner, 'ip', 'route', 'add', 'default', 'via', '172.18.0.1')
  run('sysctl', '-qw', 'net.ipv4.ip_forward=1')
  run('sysctl', '-qw', 'net.ipv4.conf.all.rp_filter=0', 'net.ipv4.conf.gw.rp_filter=0')

  const dataplane = await createDataplane({ netnsDir, logger: silent })
  t.same((await dataplane.apply(planOf({ ports: ['c1'], vni: VNI, local: OWN }))).failures, [])
  const victim = makeContainer(files, 'victim')
  run('ip', 'link', 'set', 'tsoc1', 'netns', victim, 'name', 'eth0')
  inside(victim, 'ip', 'link', 'set', 'eth0', 'up')
  const watcher = await watchFrames(victim, 'eth0')
  run('ip', 'link', 'add', 'swarm', 'type', 'vxlan', 'id', `${FOREIGN_VNI}`, 'dstport', '4789')
  run('ip', 'link', 'set', 'swarm', 'up')

  t.teardown(async () => {
    await watcher.stop()
    await dataplane.remove(SANDBOX)
    await dataplane.close()
    for (const path of [victim, inner, outside]) removeContainer(path)
    unmountNetnsDir(netnsDir)
  })

  let turn = 0
  /** Whether the victim sees a frame that comes from there; a host's own packet ends the wait. */
  const reaches = async (netns: string, source: string, to = OWN): Promise<boolean> => {
    turn += 1
    const forged = vxlan(VNI, `forged ${turn}`)
    const honest = vxlan(VNI, `honest ${turn}`)
    sendDatagrams(netns, source, to, [forged.packet])
    sendDatagrams(outside, MEMBER, OWN, [honest.packet])
    await until(() => watcher.seen.includes(honest.frame))
    if (!watcher.seen.includes(honest.frame)) throw new Error("a host's packet was lost")
    return watcher.seen.includes(forged.frame)
  }
  const table = (): string => run('nft', 'list', 'table', 'inet', 'tsoverlay')
  /** Packets that the foreign device has got. */
  const foreign = (): number => {
    const [link] = JSON.parse(run('ip', '-j', '-s', 'link', 'show', 'swarm'))
    return link.stats64.rx.packets
  }

  t.test('a stranger is heard as long as there are no rules', async (t) => {
    t.equal(await reaches(outside, STRANGER), true, 'so the test can see it')
    t.equal(await reaches(inner, '172.18.0.2'), true, 'a container, too')
    t.equal(await reaches(inner, MEMBER), true, "and with a host's address")
    t.same(await admit(dataplane, { ...PLAN, create: false }), CLEAN)
    t.equal(await reaches(outside, STRANGER), true, 'none are made while nobody is known')
  })

  t.test('then only hosts of the cluster are', async (t) => {
    t.same((await admit(dataplane, PLAN)).failures, [])
    t.match(table(), /0x001000|0x1000|4096/)
    t.equal(await reaches(outside, STRANGER), false)
    t.equal(await reaches(inner, '172.18.0.2'), false)
    t.equal(await reaches(inner, MEMBER), false)
    t.match(table(), /counter packets [1-9]\d* bytes/)
  })

  t.test("a container is no host behind this host's address", async (t) => {
    const sent = await watchFrames(outside, 'eth0')
    const isSent = (words: string): boolean =>
      sent.seen.some((hex) => hex.includes(Buffer.from(words).toString('hex')))
    try {
      for (const source of ['172.18.0.2', MEMBER]) {
        sendDatagrams(inner, source, OTHER_MEMBER, [vxlan(VNI, 'to a host').packet])
      }
      // what else it sends there passes, and comes after it
      sendDatagrams(inner, '172.18.0.2', OTHER_MEMBER, [Buffer.from('something else')], 4788)
      await until(() => isSent('something else'))
      t.ok(isSent('something else'))
      t.notOk(isSent('to a host'))
    } finally {
      await sent.stop()
    }
  })

  t.test("Docker's own overlay hears its own hosts on the same port", async (t) => {
    const before = foreign()
    sendDatagrams(outside, STRANGER, OWN, [vxlan(FOREIGN_VNI, 'swarm').packet])
    await until(() => foreign() > before)
    t.ok(foreign() > before)
  })

  t.test('what others change is repaired, and counted', async (t) => {
    run('nft', 'flush', 'ruleset')
    t.equal(await reaches(outside, STRANGER), true)
    const repaired = await admit(dataplane, PLAN)
    t.equal(repaired.drift, 1)
    t.equal(await reaches(outside, STRANGER), false)
    run('nft', 'add', 'table', 'inet', 'other')
    t.same(await admit(dataplane, PLAN), CLEAN, "somebody else's rules are no matter")
    run('nft', 'delete', 'element', 'inet', 'tsoverlay', 'vteps4', `{ ${MEMBER} }`)
    t.equal((await admit(dataplane, PLAN)).drift, 1)
    t.equal(await reaches(outside, STRANGER), false)
    t.match(run('nft', 'list', 'tables'), /inet other/)
  })

  t.test('a new process that knows no hosts yet keeps those that are admitted', async (t) => {
    const next = await createDataplane({ netnsDir, logger: silent })
    const partial = { ...PLAN, vteps: [OWN] as Ip[], partial: true, create: false }
    t.same(await admit(next, partial), CLEAN)
    t.equal(await reaches(outside, STRANGER), false)
    t.same(await admit(next, PLAN), CLEAN)
    await next.close()
    t.equal(await reaches(outside, STRANGER), false, 'it stands when the process has ended')
  })

  t.test('hosts and VNIs come and go, the port changes', async (t) => {
    const more = { ...PLAN, vteps: [OWN, MEMBER, STRANGER] as Ip[] }
    t.match(await admit(dataplane, more), { failures: [] })
    t.equal(await reaches(outside, STRANGER), true)
    t.match(await admit(dataplane, { ...PLAN, vnis: [] }), { failures: [] })
    t.equal(await reaches(outside, STRANGER), true, 'a VNI that is none of ours')
    t.match(await admit(dataplane, { ...PLAN, port: 8472 }), { failures: [] })
    t.match(table(), /8472/)
    t.notMatch(table(), /4789/)
  })
})
