/** A VNI, a name or a port that somebody else on the host has, and what an earlier run left half-made. */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { join } from 'node:path'
import type { Test } from 'tap'
import { createDataplane } from '../../src/dataplane/dataplane.js'
import {
  inside,
  ipLinks,
  makeContainer,
  makeNetnsDir,
  onThrowAwayHost,
  picture,
  planOf,
  removeContainer,
  run,
  SANDBOX,
  silent,
  unmountNetnsDir,
  until,
} from './kernel.js'

/** Named as Docker's own overlay names its namespaces, which have no mark of ours. */
const SWARMS = '1-dddddddddd'
const PLAN = planOf({ peers: [['10.20.0.5', '02:42:0a:14:00:05', '192.0.2.7']] })
const CLEAN = { written: 0, drift: 0, failures: [] }

/** As moby's overlay makes them: in the host's namespace, and moved from there. */
function makeVxlan(name: string, vni: number, namespace?: string, port = 4789): void {
  const type = ['type', 'vxlan', 'id', `${vni}`, 'dstport', `${port}`, 'proxy', 'l2miss', 'l3miss']
  run('ip', 'link', 'add', name, ...type)
  // a namespace by its file: ip(8) knows names under /run/netns only
  const move = 'exec 3<"$0"; ip link set "$1" netns /proc/$$/fd/3'
  if (namespace !== undefined) run('sh', '-c', move, namespace, name)
}

await onThrowAwayHost(import.meta.url, async () => {
  const { default: t } = await import('tap')
  const netnsDir = makeNetnsDir()
  const netns = join(netnsDir, SANDBOX)
  const start = () => createDataplane({ netnsDir, logger: silent })
  const dataplane = await start()
  t.teardown(async () => {
    await dataplane.close()
    unmountNetnsDir(netnsDir)
  })
  t.afterEach(() => dataplane.remove(SANDBOX))
  const hostLinks = (): string[] => ipLinks().map(({ ifname }) => ifname)
  const isRefused = async (t: Test, holder: string): Promise<void> => {
    const { failures } = await dataplane.apply(PLAN)
    t.match(failures[0], { item: { in: 'links', name: 'vxlan0' }, error: { code: 'VNI_TAKEN' } })
    const words = `link vxlan0: VNI 4096 on UDP port 4789 is taken on this host by ${holder}: remove that one, or create the network anew on all hosts with another VNI`
    t.equal(failures[0]?.error.message, words)
    t.notMatch(failures[0]?.error.message, /EEXIST/)
  }

  t.test(
    'VNIs of others are known: on the host, and in namespaces that they moved to',
    async (t) => {
      const [swarms, inner] = [makeContainer(netnsDir, SWARMS), makeContainer(netnsDir, 'inner')]
      await dataplane.apply(PLAN)
      makeVxlan('flannel.1', 1, undefined, 8472)
      makeVxlan('vx-001001-dd', 4097, swarms)
      inside(swarms, 'ip', 'link', 'add', 'own', 'type', 'vxlan', 'id', '77', 'dstport', '4789')
      t.same(await dataplane.foreignVxlans(), [
        { vni: 1, port: 8472, name: 'flannel.1' },
        { vni: 4097, port: 4789, name: 'vx-001001-dd', namespace: SWARMS },
      ])
      run('ip', 'link', 'del', 'flannel.1')
      for (const path of [swarms, inner]) removeContainer(path)
    },
  )

  t.test('a device of others in the host is named, left alone, and waited for', async (t) => {
    makeVxlan('vxlan0', 4096)
    await isRefused(t, "vxlan device vxlan0 in the host's own namespace")
    t.ok(hostLinks().includes('vxlan0'), 'a name and settings like ours prove nothing')
    run('ip', 'link', 'del', 'vxlan0')
    t.same((await dataplane.apply(PLAN)).failures, [], 'it heals once that one is gone')
  })

  t.test("one in a namespace of Docker's own overlay is named with it", async (t) => {
    const swarms = makeContainer(netnsDir, SWARMS)
    makeVxlan('vx-001000-dd', 4096, swarms)
    await isRefused(t, `vxlan device vx-001000-dd in /run/docker/netns/${SWARMS}`)
    removeContainer(swarms)
  })

  t.test('one that nobody sees is told as such', async (t) => {
    const hidden = makeContainer(join(netnsDir, '..', 'elsewhere'), 'hidden')
    makeVxlan('vx', 4096, hidden)
    await isRefused(t, 'a vxlan device that is not to be seen')
    removeContainer(hidden)
  })

  t.test('the VNI of a namespace that has just ended is waited for', async (t) => {
    for (let turn = 0; turn < 5; turn += 1) {
      const swarms = makeContainer(netnsDir, SWARMS)
      makeVxlan('vx-001000-dd', 4096, swarms)
      removeContainer(swarms)
      t.same((await dataplane.apply(PLAN)).failures, [])
      await dataplane.remove(SANDBOX)
    }
  })

  t.test('what an earlier run left half-made is finished', async (t) => {
    await dataplane.apply(PLAN)
    const whole = picture(netns)
    const halves: readonly (readonly string[])[] = [
      ['ip link del vxlan0'],
      ['ip link set vxlan0 down nomaster', 'ip link del br0'],
      ['ip link set vxlan0 down', 'ip link set vxlan0 name vxlan7'],
      ['ip link del vxlan0', 'ip link add vxlan0 type vxlan id 4096 dstport 4789'],
      ['ip link del vxlan0', 'ip link add vxlan0 type bridge'],
    ]
    for (const commands of halves) {
      for (const command of commands) inside(netns, 'sh', '-c', command)
      const next = await start()
      const { failures } = await next.apply(PLAN)
      t.same([failures, picture(netns)], [[], whole], commands.join('; '))
      t.same(await next.apply(PLAN), CLEAN)
      await next.close()
    }
    await dataplane.remove(SANDBOX)
    await dataplane.apply({ ...PLAN, links: planOf({ vni: 4098 }).links })
    const next = await start()
    t.same([(await next.apply(PLAN)).failures, picture(netns)], [[], whole], 'another VNI')
    await next.close()
  })

  t.test('a UDP port that another program has is named', async (t) => {
    const socket = createSocket('udp4')
    socket.bind(4789)
    await once(socket, 'listening')
    const { failures } = await dataplane.apply(PLAN)
    t.equal(
      failures[0]?.error.message,
      'link vxlan0: UDP port 4789 of this host is in use by another program, or by a vxlan device with other settings: free it, or set another VXLAN_PORT on all hosts',
    )
    socket.close()
    await once(socket, 'close')
    await until(() => hostLinks().length === 1)
    t.same((await dataplane.apply(PLAN)).failures, [])
  })
})
