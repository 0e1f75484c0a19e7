/** VNIs that others on the host have: swarm's overlay, other tools, what a former life left. */
import t from 'tap'
import { sandboxName } from '../../../src/backends/overlay/names.js'
import { RecordingDataplane } from '../../fakes/recording-dataplane.js'
import { until } from '../../fakes/until.js'
import { host, idOf, twoHosts } from '../host.js'

const BLUE = idOf('blue')
const RED = idOf('red')
const WEB = idOf('web')
const SUBNET = { subnet: '10.20.0.0/16' }
const VNIS = 'com.docker.network.driver.overlay.vxlanid_list'
const swarms = (vni: number, port = 4789) => ({
  vni,
  port,
  name: 'vx-000100',
  namespace: '1-swarm',
})

t.test('the VNI of a network is one that nobody on this host has', async (t) => {
  const a = await host(t)
  a.dataplane.foreign.push(swarms(256), swarms(258), swarms(257, 8472))
  await a.docker.createNetwork(BLUE, SUBNET)
  await a.docker.createNetwork(RED, { subnet: '10.30.0.0/16' })
  t.same(
    a.status().networks.map(({ vnis }) => vnis),
    [[257], [259]],
    'on another UDP port it is no matter',
  )
})

t.test('a VNI that the user gives is refused with who has it', async (t) => {
  const a = await host(t)
  a.dataplane.foreign.push(swarms(300))
  await t.rejects(a.docker.createNetwork(BLUE, { ...SUBNET, options: { [VNIS]: '300' } }), {
    code: 'VNI_TAKEN',
    message: `option -o ${VNIS}=300: VNI 300 on UDP port 4789 is taken on this host by vxlan device vx-000100 in /run/docker/netns/1-swarm: choose another number from 1 to 16777215, or leave the option out`,
  })
  await until('nothing is owed', () => a.outbox.owed === 0)
  t.same(await a.store.keys('/vnis/'), [])
  await a.docker.createNetwork(BLUE, { ...SUBNET, options: { [VNIS]: '301' } })
})

t.test(
  'a network of the cluster is refused where its VNI is taken, until it is free',
  async (t) => {
    const { a, b } = await twoHosts(t)
    await a.docker.createNetwork(BLUE, SUBNET)
    b.dataplane.foreign.push({ vni: 256, port: 4789, name: 'flannel.256' })
    await t.rejects(b.docker.createNetwork(RED, SUBNET), {
      code: 'VNI_TAKEN',
      message:
        /^the network pools:10.20.0.0\/16 cannot be on this host, VNI 256 on UDP port 4789 is taken on this host by vxlan device flannel.256 in the host's own namespace: remove that one, or /,
    })
    b.dataplane.foreign.pop()
    await b.docker.createNetwork(RED, SUBNET)
    await b.docker.run(RED, WEB)
  },
)

t.test('a kernel that cannot be read stops no creation', async (t) => {
  const a = await host(t)
  a.dataplane.failNext('foreignVxlans')
  await a.docker.createNetwork(BLUE, SUBNET)
  t.equal(a.logger.count('vxlan devices of the host not read'), 1)
})

t.test("swarm's leader chooses and checks as others do", async (t) => {
  const a = await host(t, { scope: 'global' })
  a.dataplane.foreign.push(swarms(256))
  const { signal } = new AbortController()
  const pool = { addressSpace: 'docker', pool: '10.20.0.0/16', gateway: '10.20.0.1/16', aux: [] }
  const more = { id: RED, options: {}, pools: [pool] } as never
  t.same(await a.driver.allocateNetwork(more, signal), { [VNIS]: '257' })
  const wanted = { id: WEB, options: { [VNIS]: '256' }, pools: [pool] } as never
  await t.rejects(a.driver.allocateNetwork(wanted, signal), { code: 'VNI_TAKEN' })
})

t.test(
  'the sandbox of a network that is gone is removed for the one that has its VNI',
  async (t) => {
    const a = await host(t)
    await a.docker.createNetwork(BLUE, SUBNET)
    const vxlan = { kind: 'vxlan', name: 'vxlan0', mtu: 1450, vni: 256, port: 4789 } as never
    const left = { place: '1-0123456789', links: [vxlan], neighbours: [], fdb: [] }
    await a.dataplane.apply(left)
    await a.docker.run(BLUE, WEB)
    t.same([...a.dataplane.sandboxes.keys()], [sandboxName(BLUE)])
    t.match(a.dataplane.toString(), /vxlan vxlan0 .* vni 256/)
    t.equal(a.logger.count('sandbox without a network removed'), 1)
  },
)

t.test('a VNI that was taken after the network came here fails the join, and heals', async (t) => {
  const dataplane = new RecordingDataplane()
  const a = await host(t, { dataplane })
  await a.docker.createNetwork(BLUE, SUBNET)
  dataplane.foreign.push(swarms(256))
  dataplane.failNext('list')
  await t.rejects(a.docker.run(BLUE, WEB), { code: 'VNI_TAKEN' })
  t.equal(a.logger.count('sandboxes without a network are removed later'), 1)
  dataplane.foreign.pop()
  await a.docker.run(BLUE, WEB)
})
