/** Which hosts and which VNIs the kernel is told to take VXLAN packets from and of. */
import t from 'tap'
import { Admission } from '../../../src/control/passes/admission.js'
import { TsoverlayError } from '../../../src/core/errors.js'
import type { Ip } from '../../../src/core/ip.js'
import type { StrangersPlan } from '../../../src/core/plan.js'
import type { AdmissionResult } from '../../../src/core/ports.js'
import type { Host } from '../../../src/core/types.js'
import { RecordingLogger } from '../../fakes/recording-logger.js'

const NOTHING: AdmissionResult = { written: 0, drift: 0, failures: [] }

/** Endpoints and hosts as data, and a kernel that answers `result`. */
function setUp(endpoints: { dockerNetwork: string; joined: boolean }[] = []) {
  const logger = new RecordingLogger()
  const asked: StrangersPlan[] = []
  const kernel = { result: NOTHING, sandboxes: [] as string[] }
  const peers = {
    knowsHosts: false,
    list: [] as string[],
    hosts: () =>
      peers.list.map((vtep): Host => ({ id: vtep, name: vtep, vtep: vtep as Ip, boot: '1' })),
  }
  const network = (vni: number) => ({ network: { segments: [{ vni, subnets: [] }] } })
  const bindings = new Map([
    ['blue', network(256)],
    ['red', network(257)],
  ])
  const admission = new Admission({
    journal: { bindings, endpoints: new Map(endpoints.entries()) } as never,
    peers,
    underlay: { known: { vtep: '192.0.2.1' as Ip, mtu: 1500, port: 4789 } },
    dataplane: {
      list: async () => kernel.sandboxes,
      admit: async (plan) => {
        asked.push(plan)
        return kernel.result
      },
    },
    port: 4789,
    logger,
  })
  t.teardown(() => admission.close())
  return { admission, asked, kernel, peers, logger, endpoints }
}

t.test('all hosts and this one, and the VNIs of networks with joined endpoints', async (t) => {
  const { admission, asked, peers } = setUp([
    { dockerNetwork: 'blue', joined: true },
    { dockerNetwork: 'blue', joined: true },
    { dockerNetwork: 'red', joined: false },
  ])
  Object.assign(peers, { knowsHosts: true, list: ['192.0.2.1', '192.0.2.2'] })
  await admission.start()
  const vteps = ['192.0.2.1', '192.0.2.2']
  t.strictSame(asked, [{ port: 4789, vnis: [256], vteps, partial: false, create: true }])
})

t.test('until the hosts are known, who is admitted stays', async (t) => {
  const { admission, asked, peers } = setUp()
  await admission.start()
  t.match(asked, [{ vteps: ['192.0.2.1'], partial: true, create: true }])
  peers.knowsHosts = true
  await admission.update()
  t.match(asked[1], { partial: false })
})

t.test('containers of a former run are not shut out before the hosts are known', async (t) => {
  const { admission, asked, kernel, peers } = setUp()
  kernel.sandboxes.push('1-aaaaaaaaaa')
  await admission.start()
  t.match(asked, [{ partial: true, create: false }])
  peers.knowsHosts = true
  await admission.update()
  t.match(asked[1], { partial: false, create: true })
})

t.test('a network is covered once', async (t) => {
  const { admission, asked } = setUp([{ dockerNetwork: 'blue', joined: true }])
  await admission.cover('blue')
  t.equal(asked.length, 1)
  await admission.cover('blue')
  await admission.cover('unknown')
  t.equal(asked.length, 1, 'the second container costs no call')
})

t.test('a refusal is logged once, shown, and tried again', async (t) => {
  const { admission, asked, kernel, logger } = setUp([{ dockerNetwork: 'blue', joined: true }])
  const error = new TsoverlayError('KERNEL_FAILED', 'no memory')
  kernel.result = { ...NOTHING, failures: [{ item: 'x', error }] }
  await admission.cover('blue')
  await admission.cover('blue')
  t.equal(asked.length, 2)
  t.equal(admission.problem, 'no memory')
  t.equal(logger.count('strangers are not kept out, the kernel refused the rules'), 1)
  kernel.result = { ...NOTHING, drift: 2 }
  await admission.update()
  t.equal(admission.problem, undefined)
  t.match(logger.lines.join(), /changed by others.*kept out again/)
  kernel.result = { ...NOTHING, unsupported: 'EOPNOTSUPP' }
  await admission.update()
  t.equal(admission.problem, 'EOPNOTSUPP')
})
