/** Which hosts and which VNIs the kernel is told to take VXLAN packets from and of. */
import t from 'tap'
import { HostPass } from '../../../src/control/passes/host-pass.js'
import { Linger } from '../../../src/control/peers/linger.js'
import { TsoverlayError } from '../../../src/core/errors.js'
import type { Ip } from '../../../src/core/ip.js'
import type { Plan, StrangersPlan } from '../../../src/core/plan.js'
import type { ApplyResult } from '../../../src/core/ports.js'
import type { Host } from '../../../src/core/types.js'
import { RecordingLogger } from '../../fakes/recording-logger.js'

const NOTHING: ApplyResult = { written: 0, drift: 0, failures: [] }

interface Endpoint {
  readonly dockerNetwork: string
  readonly joined: boolean
}

/** Endpoints and hosts as data, and a kernel that answers `result`. */
function setUp(list: Endpoint[] = []) {
  const logger = new RecordingLogger()
  const asked: (StrangersPlan | undefined)[] = []
  const kernel = { result: NOTHING, sandboxes: [] as string[] }
  const peers = {
    knowsHosts: false,
    list: [] as string[],
    hosts: () =>
      peers.list.map((vtep): Host => ({ id: vtep, name: vtep, vtep: vtep as Ip, boot: '1' })),
  }
  const binding = (dockerNetwork: string, vni: number) =>
    [
      dockerNetwork,
      { dockerNetwork, network: { backend: 'overlay', segments: [{ vni, subnets: [] }] } },
    ] as const
  const bindings = new Map([binding('blue', 256), binding('red', 257)])
  const endpoints = list.map((each) => ({ ...each, id: 'e', addresses: [], mac: '' }))
  const journal = {
    bindings,
    endpoints: new Map(endpoints.entries()),
    endpointsOf: (id: string) => endpoints.filter(({ dockerNetwork }) => dockerNetwork === id),
  }
  const pass = new HostPass({
    self: 'self',
    journal: journal as never,
    blocks: { ownBlocks: () => [] },
    peers: peers as never,
    underlay: { known: { vtep: '192.0.2.1' as Ip, mtu: 1500, port: 4789 } },
    dataplane: {
      list: async () => kernel.sandboxes,
      apply: async ({ strangers }: Plan) => {
        asked.push(strangers)
        return kernel.result
      },
    },
    linger: new Linger({ ms: 0, onEnd: () => undefined }),
    port: 4789,
    logger,
  })
  return { pass, asked, kernel, peers, logger }
}

t.test('all hosts and this one, and the VNIs of networks with joined endpoints', async (t) => {
  const { pass, asked, peers } = setUp([
    { dockerNetwork: 'blue', joined: true },
    { dockerNetwork: 'blue', joined: true },
    { dockerNetwork: 'red', joined: false },
  ])
  Object.assign(peers, { knowsHosts: true, list: ['192.0.2.1', '192.0.2.2'] })
  await pass.adopt()
  await pass.run()
  const vteps = ['192.0.2.1', '192.0.2.2']
  t.strictSame(asked, [{ port: 4789, vnis: [256], vteps, partial: false, create: true }])
})

t.test('until the hosts are known, who is admitted stays', async (t) => {
  const { pass, asked, peers } = setUp()
  await pass.adopt()
  await pass.run()
  t.match(asked, [{ vteps: ['192.0.2.1'], partial: true, create: true }])
  peers.knowsHosts = true
  await pass.run()
  t.match(asked[1], { partial: false })
})

t.test('containers of a former run are not shut out before the hosts are known', async (t) => {
  const { pass, asked, kernel, peers } = setUp()
  kernel.sandboxes.push('1-aaaaaaaaaa')
  await pass.adopt()
  await pass.run()
  t.match(asked, [{ partial: true, create: false }])
  peers.knowsHosts = true
  await pass.run()
  t.match(asked[1], { partial: false, create: true })
})

t.test('a network is covered by a pass in which the rules were taken', async (t) => {
  const { pass, kernel } = setUp([{ dockerNetwork: 'blue', joined: true }])
  t.equal(pass.covers('blue'), false)
  const error = new TsoverlayError('KERNEL_FAILED', 'no memory')
  kernel.result = { ...NOTHING, failures: [{ item: { in: 'rules', name: 'x' }, error }] }
  await pass.run()
  t.equal(pass.covers('blue'), false)
  kernel.result = NOTHING
  await pass.run()
  t.equal(pass.covers('blue'), true)
  t.equal(pass.covers('red'), false)
  t.equal(pass.covers('unknown'), true, 'it has no packets')
})

t.test('a refusal is logged once, shown, and gone when it is taken', async (t) => {
  const { pass, kernel, logger } = setUp([{ dockerNetwork: 'blue', joined: true }])
  const error = new TsoverlayError('KERNEL_FAILED', 'no memory')
  kernel.result = { ...NOTHING, failures: [{ item: { in: 'rules', name: 'x' }, error }] }
  await pass.run()
  await pass.run()
  t.equal(pass.problem, 'no memory')
  t.equal(logger.count('strangers are not kept out, the kernel refused the rules'), 1)
  kernel.result = NOTHING
  await pass.run()
  t.equal(pass.problem, undefined)
  t.match(logger.lines.join(), /kept out again/)
  kernel.result = { ...NOTHING, unsupported: 'EOPNOTSUPP' }
  await pass.run()
  t.equal(pass.problem, 'EOPNOTSUPP')
})
