/** Marked packets through a tunnel on the real kernel: heard at each device, and lost where a rule drops them. */
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Ip } from '../../src/core/ip.js'
import type { Ear, Flow, OpenEar } from '../../src/core/live.js'
import { HOST } from '../../src/core/plan.js'
import { createDataplane } from '../../src/dataplane/dataplane.js'
import {
  inside,
  makeContainer,
  makeNetnsDir,
  onThrowAwayHost,
  removeContainer,
  run,
  silent,
  unmountNetnsDir,
  until,
} from './kernel.js'
import { PORT, startTalker } from './talker.js'

const [V4, V6] = [
  ['192.0.2.1', '192.0.2.2'],
  ['fd00:2::1', 'fd00:2::2'],
]
const VNI = 4096
const COUNT = 5

await onThrowAwayHost(import.meta.url, async () => {
  const { default: t } = await import('tap')
  const netnsDir = makeNetnsDir()
  const [c1, box, other, c2] = ['c1', 'box', 'other', 'c2'].map((name) =>
    makeContainer(netnsDir, name),
  ) as [string, string, string, string]
  run('ip', 'link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', other)
  for (const [at, ip] of [run, inside.bind(undefined, other)].entries()) {
    for (const [vtep, length] of [
      [V4?.[at], 24],
      [V6?.[at], 64],
    ])
      ip('ip', 'addr', 'add', `${vtep}/${length}`, 'dev', 'eth0', 'nodad')
    ip('ip', 'link', 'set', 'eth0', 'up')
  }
  /** Port and interface of a container: what dockerd makes of a veth pair. */
  const plug = (at: string, container: string, last: number) => {
    inside(at, 'ip', 'link', 'add', 'br0', 'type', 'bridge')
    inside(at, 'ip', 'link', 'set', 'br0', 'up')
    const pair = ['type', 'veth', 'peer', 'name', 'eth0', 'netns', container]
    inside(at, 'ip', 'link', 'add', 'port', 'master', 'br0', ...pair)
    inside(at, 'ip', 'link', 'set', 'port', 'up')
    for (const address of [`10.20.0.${last}/16`, `fd20::${last}/64`])
      inside(container, 'ip', 'addr', 'add', address, 'dev', 'eth0', 'nodad')
    inside(container, 'ip', 'link', 'set', 'eth0', 'up')
  }
  /** The device in the sandbox has its tunnel in the host, as ours have. */
  const tunnel = ([a, b]: readonly string[] = []) => {
    const device = (local = '', remote = '') => [
      ...['ip', 'link', 'add', 'vxlan0', 'type', 'vxlan', 'id', `${VNI}`, 'dstport', '4789'],
      ...['local', local, 'remote', remote],
    ]
    const [ip = '', ...argv] = device(a, b)
    run(ip, ...argv)
    run('ip', 'link', 'set', 'vxlan0', 'netns', box)
    inside(other, ip, ...device(b, a).slice(1))
    for (const at of [box, other]) inside(at, 'ip', 'link', 'set', 'vxlan0', 'master', 'br0', 'up')
  }
  plug(box, c1, 5)
  plug(other, c2, 9)
  tunnel(V4)
  const dataplane = await createDataplane({ netnsDir, logger: silent })
  const talker = await startTalker(c2, 'c2')
  t.teardown(async () => {
    await talker.stop()
    await dataplane.close()
    for (const path of [c1, box, other, c2]) removeContainer(path)
    unmountNetnsDir(netnsDir)
  })

  const way = (family: 4 | 6): readonly Ear[] => {
    const wrapping = { vni: VNI, port: 4789, family }
    return [
      { where: 'c1', dev: 'eth0', way: 'out' },
      { where: 'box', dev: 'port', way: 'in' },
      { where: 'box', dev: 'vxlan0', way: 'out' },
      { where: HOST, dev: 'eth0', way: 'out', wrapping },
      { where: 'other', dev: 'eth0', way: 'in', wrapping },
      { where: 'other', dev: 'vxlan0', way: 'in' },
      { where: 'other', dev: 'port', way: 'out' },
      { where: 'c2', dev: 'eth0', way: 'in' },
    ]
  }
  const back = (ear: Ear): Ear => ({ ...ear, way: ear.way === 'in' ? 'out' : 'in' })
  const flow = (more: Partial<Flow> = {}): Flow => ({
    ...{ from: '10.20.0.5' as Ip, to: '10.20.0.9' as Ip, protocol: 'icmp' },
    mark: `${randomBytes(7).toString('hex')}e0`,
    ...more,
  })
  const six = { from: 'fd20::5' as Ip, to: 'fd20::9' as Ip }

  /** @throws Error with why there is none */
  const earAt = (sent: Flow, what: 'probes' | 'answers', ear: Ear): OpenEar => {
    const opened = dataplane.live.hear(sent, what, ear)
    if (typeof opened === 'string') throw new Error(`${ear.dev}: ${opened}`)
    return opened
  }

  /** Sends five; what was heard at each device, in the order of the way. */
  const live = async (sent: Flow, family: 4 | 6 = 4) => {
    const opened = way(family).map((ear) => ({
      probes: earAt(sent, 'probes', ear),
      answers: earAt(sent, 'answers', back(ear)),
    }))
    const sender = dataplane.live.sender(sent, 'c1', COUNT)
    if (typeof sender === 'string') throw new Error(sender)
    const errors = new Set<string | undefined>()
    for (let number = 0; number < COUNT; number += 1) errors.add(sender.send(number))
    await sleep(20)
    sender.close()
    const heard = () =>
      opened.map(({ probes, answers }) => ({ probes: probes.heard(), answers: answers.heard() }))
    await until(() => heard()[0]?.answers.packets === COUNT, 400)
    const found = heard()
    for (const { probes, answers } of opened) for (const ear of [probes, answers]) ear.close()
    return {
      errors: [...errors],
      probes: found.map(({ probes }) => probes.packets),
      answers: found.map(({ answers }) => answers.packets),
      resets: found.map(({ answers }) => answers.resets),
    }
  }
  const all = (count: number) => way(4).map(() => count)
  const WELL = { errors: [undefined], probes: all(COUNT), answers: all(COUNT), resets: all(0) }
  /** The first packets wait for bridges to forward. */
  const settle = async (family: 4 | 6) => {
    for (let turn = 0; turn < 20 && (await live(flow(), family)).answers[0] !== COUNT; turn += 1) {}
  }
  await settle(4)

  t.test('echo requests and their answers are heard everywhere', async (t) => {
    t.same(await live(flow()), WELL)
    t.same(await live(flow(six)), WELL, 'IPv6')
  })

  t.test('connections that are taken, and such as are refused', async (t) => {
    for (const ends of [{}, six]) {
      t.same(await live(flow({ ...ends, protocol: 'tcp', port: PORT })), WELL)
      const closed = await live(flow({ ...ends, protocol: 'tcp', port: 9 }))
      t.same(closed, { ...WELL, resets: all(COUNT) })
    }
    t.equal(await talker.ask('127.0.0.1'), 'c2 sees 127.0.0.1', 'who listens has no harm of it')
  })

  t.test('packets of another mark are not heard', async (t) => {
    const ears = way(4).map((ear) => earAt(flow(), 'probes', ear))
    t.same(await live(flow()), WELL)
    for (const ear of ears) {
      t.same(ear.heard(), { packets: 0, resets: 0 })
      ear.close()
    }
  })

  t.test('a rule at a device is between two ears', async (t) => {
    const lossOf = async (netns: string, rule: string) => {
      const chain = `table netdev lost { chain at { type filter hook ${rule}; }; }`
      inside(netns, 'nft', chain)
      const { probes, answers } = await live(flow())
      inside(netns, 'nft', 'delete table netdev lost')
      return [probes.filter((heard) => heard === COUNT).length, Math.max(...answers)]
    }
    const icmp = 'ip protocol icmp drop'
    const udp = 'udp dport 4789 drop'
    const at = (hook: string, dev: string) => `${hook} device ${dev} priority 0`
    t.same(await lossOf(other, `${at('ingress', 'eth0')}; ${udp}`), [5, 0], 'h2 eth0 has heard it')
    t.same(await lossOf(other, `${at('ingress', 'vxlan0')}; ${icmp}`), [6, 0])
    t.same(await lossOf(c2, `${at('ingress', 'eth0')}; ${icmp}`), [8, 0])
    t.same(await lossOf(box, `${at('ingress', 'port')}; ${icmp}`), [2, 0])
    t.same(await lossOf(other, `${at('egress', 'port')}; ${icmp}`), [6, 0])
    const echoes = 'icmp type echo-reply drop'
    t.same(await lossOf(box, `${at('ingress', 'vxlan0')}; ${echoes}`), [8, COUNT])
    t.same(await live(flow()), WELL)
  })

  t.test("what the container's own rules drop is not sent", async (t) => {
    inside(c1, 'nft', 'table ip own { chain out { type filter hook output priority 0; drop; }; }')
    const { errors, probes } = await live(flow())
    t.same(errors, ['EPERM'])
    t.same(probes, all(0))
    inside(c1, 'nft', 'delete table ip own')
  })

  t.test('hosts that reach each other by IPv6', async (t) => {
    inside(box, 'ip', 'link', 'del', 'vxlan0')
    inside(other, 'ip', 'link', 'del', 'vxlan0')
    tunnel(V6)
    await settle(6)
    t.same(await live(flow(), 6), WELL)
    t.same(await live(flow(six), 6), WELL)
    t.same(await live(flow({ ...six, protocol: 'tcp', port: PORT }), 6), WELL)
  })

  t.test('where nothing is, nobody listens or sends', async (t) => {
    const hear = (ear: Ear) => dataplane.live.hear(flow(), 'probes', ear)
    t.equal(hear({ where: HOST, dev: 'eth9', way: 'in' }), 'ENODEV')
    t.equal(hear({ where: 'nobody', dev: 'eth0', way: 'in' }), 'ENOENT')
    t.equal(dataplane.live.sender(flow(), 'nobody', COUNT), 'ENOENT')
    const foreign = flow({ from: '10.99.0.1' as Ip })
    t.equal(dataplane.live.sender(foreign, 'c1', COUNT), 'EADDRNOTAVAIL')
  })
})
