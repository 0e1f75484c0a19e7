/** As admission.test.ts, with VTEPs of IPv6: whose VXLAN packets reach containers. */
import { join } from 'node:path'
import type { Ip } from '../../src/core/ip.js'
import { HOST, type StrangersPlan } from '../../src/core/plan.js'
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

const OWN = '2001:db8::1'
const MEMBER = '2001:db8::2'
const OTHER_MEMBER = '2001:db8::3'
const STRANGER = '2001:db8::66'
const CONTAINER = 'fd18::2'
const VNI = 4096
const VICTIM = { mac: '02:42:0a:14:01:01', ip: '10.20.1.1' }
const SOMEONE = { mac: '02:42:0a:14:01:09', ip: '10.20.1.9' }
const PLAN: StrangersPlan = {
  port: 4789,
  vnis: [VNI],
  vteps: [OWN, MEMBER, OTHER_MEMBER] as Ip[],
  partial: false,
  create: true,
}

/** A VXLAN packet (RFC 7348) with a frame for the victim. @param padding bytes at its end */
function vxlan(words: string, padding = 0): Buffer {
  const payload = Buffer.concat([Buffer.from(words), Buffer.alloc(padding)])
  const inner = ipv4(SOMEONE.ip, VICTIM.ip, udp(payload))
  const head = Buffer.from([8, 0, 0, 0, VNI >> 16, (VNI >> 8) & 255, VNI & 255, 0])
  return Buffer.concat([head, ether(SOMEONE.mac, VICTIM.mac, TYPE.IPV4, inner)])
}

const isIn = (seen: readonly string[], words: string): boolean =>
  seen.some((hex) => hex.includes(Buffer.from(words).toString('hex')))

await onThrowAwayHost(import.meta.url, async () => {
  const { default: t } = await import('tap')
  const netnsDir = makeNetnsDir()
  const files = join(netnsDir, '..')
  const add = (ip: string, dev: string): string[] => ['ip', 'addr', 'add', ip, 'dev', dev, 'nodad']
  const here = ([command = '', ...args]: readonly string[]): string => run(command, ...args)
  // the underlay: another machine with the addresses of a host of the cluster and of a stranger
  const outside = makeContainer(files, 'outside')
  here(['ip', 'link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', outside])
  here(add(`${OWN}/64`, 'eth0'))
  here(['ip', 'link', 'set', 'eth0', 'up'])
  // large packets come in parts, which the receiver's MTU lets pass
  inside(outside, 'ip', 'link', 'set', 'eth0', 'mtu', '1280', 'up')
  for (const ip of [MEMBER, OTHER_MEMBER, STRANGER])
    inside(outside, ...(add(`${ip}/64`, 'eth0') as [string]))
  // docker_gwbridge with a container that may send whatever it likes
  const inner = makeContainer(files, 'inner')
  here(['ip', 'link', 'add', 'gw', 'type', 'bridge'])
  here(['ip', 'link', 'set', 'gw', 'up'])
  here(add('fd18::1/64', 'gw'))
  here(['ip', 'link', 'add', 'gw0', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', inner])
  here(['ip', 'link', 'set', 'gw0', 'master', 'gw', 'up'])
  inside(inner, 'ip', 'link', 'set', 'eth0', 'up')
  for (const ip of [`${CONTAINER}/64`, `${MEMBER}/128`])
    inside(inner, ...(add(ip, 'eth0') as [string]))
  inside(inner, 'ip', '-6', 'route', 'add', 'default', 'via', 'fd18::1')
  run('sysctl', '-qw', 'net.ipv6.conf.all.forwarding=1')

  const dataplane = await createDataplane({ netnsDir, logger: silent })
  t.same((await dataplane.apply(planOf({ ports: ['c1'], vni: VNI, local: OWN }))).failures, [])
  const victim = makeContainer(files, 'victim')
  run('ip', 'link', 'set', 'tsoc1', 'netns', victim, 'name', 'eth0')
  inside(victim, 'ip', 'link', 'set', 'eth0', 'up')
  const watcher = await watchFrames(victim, 'eth0')
  t.teardown(async () => {
    await watcher.stop()
    await dataplane.remove(SANDBOX)
    await dataplane.close()
    for (const path of [victim, inner, outside]) removeContainer(path)
    unmountNetnsDir(netnsDir)
  })

  let turn = 0
  /** Whether the victim sees a frame that comes from there; a host's own packet ends the wait. */
  const reaches = async (netns: string, source: string, padding = 0): Promise<boolean> => {
    turn += 1
    const [forged, honest] = [`forged ${turn}.`, `honest ${turn}.`]
    sendDatagrams(netns, source, OWN, [vxlan(forged, padding)])
    sendDatagrams(outside, MEMBER, OWN, [vxlan(honest, padding)])
    await until(() => isIn(watcher.seen, honest))
    if (!isIn(watcher.seen, honest)) throw new Error("a host's packet was lost")
    return isIn(watcher.seen, forged)
  }
  const places = [
    ['a stranger', outside, STRANGER],
    ['a container', inner, CONTAINER],
    ["a container with a host's address", inner, MEMBER],
  ] as const

  t.test('without rules everybody is heard, so the test can see it', async (t) => {
    for (const [who, netns, source] of places) t.equal(await reaches(netns, source), true, who)
    t.equal(await reaches(outside, STRANGER, 1300), true, 'in parts')
  })

  t.test('then only hosts of the cluster are, also in parts', async (t) => {
    t.same(
      (await dataplane.apply({ place: HOST, links: [], neighbours: [], fdb: [], strangers: PLAN }))
        .failures,
      [],
    )
    for (const [who, netns, source] of places) t.equal(await reaches(netns, source), false, who)
    t.equal(await reaches(outside, STRANGER, 1300), false, 'in parts')
    t.match(run('nft', 'list', 'table', 'inet', 'tsoverlay'), /counter packets [1-9]\d* bytes/)
  })

  t.test("a container is no host behind this host's address", async (t) => {
    const sent = await watchFrames(outside, 'eth0')
    for (const source of [CONTAINER, MEMBER])
      sendDatagrams(inner, source, OTHER_MEMBER, [vxlan(`as ${source}`)])
    // what else it sends there passes, and comes after it
    sendDatagrams(inner, CONTAINER, OTHER_MEMBER, [Buffer.from('something else')], 4788)
    await until(() => isIn(sent.seen, 'something else'))
    t.ok(isIn(sent.seen, 'something else'))
    t.notOk(isIn(sent.seen, `as ${CONTAINER}`))
    t.notOk(isIn(sent.seen, `as ${MEMBER}`))
    await sent.stop()
  })
})
