import t from 'tap'
import { bench, errorOf, listening } from './dockerd.js'
import { cidr, ip, mac, type Recorder } from './fake-drivers.js'
import {
  CREATE_ENDPOINT,
  CREATE_NETWORK,
  ENDPOINT,
  NETWORK,
  REQUESTS,
  SANDBOX_KEY,
} from './golden.js'

function onlyCall(recorder: Recorder): readonly unknown[] {
  return recorder.calls.map(({ method, args }) => [method, ...args])
}

t.test('every method answers what moby expects, to what moby sends', async (t) => {
  const { dockerd } = await listening(t)
  const empty = {}
  const answers = {
    'Plugin.Activate': { Implements: ['NetworkDriver', 'IpamDriver'] },
    'NetworkDriver.GetCapabilities': {
      Scope: 'local',
      ConnectivityScope: 'global',
      GwAllocChecker: true,
    },
    'NetworkDriver.AllocateNetwork': { Options: { vni: '4097' } },
    'NetworkDriver.FreeNetwork': empty,
    'NetworkDriver.GwAllocCheck': { SkipIPv4: false, SkipIPv6: false },
    'NetworkDriver.CreateNetwork': empty,
    'NetworkDriver.DeleteNetwork': empty,
    'NetworkDriver.CreateEndpoint': { Interface: { MacAddress: '02:42:0a:14:00:05' } },
    'NetworkDriver.EndpointOperInfo': { Value: { vtep: '192.0.2.1' } },
    'NetworkDriver.DeleteEndpoint': empty,
    'NetworkDriver.Join': {
      InterfaceName: { SrcName: 'veth1a2b3c4', DstPrefix: 'eth' },
      StaticRoutes: [
        { Destination: '10.21.0.0/16', RouteType: 0, NextHop: '10.20.0.1' },
        { Destination: '10.22.0.0/16', RouteType: 1 },
      ],
    },
    'NetworkDriver.Leave': empty,
    'NetworkDriver.DiscoverNew': empty,
    'NetworkDriver.DiscoverDelete': empty,
    'NetworkDriver.ProgramExternalConnectivity': empty,
    'NetworkDriver.RevokeExternalConnectivity': empty,
    'IpamDriver.GetCapabilities': { RequiresMACAddress: false, RequiresRequestReplay: false },
    'IpamDriver.GetDefaultAddressSpaces': {
      LocalDefaultAddressSpace: 'local-space',
      GlobalDefaultAddressSpace: 'global-space',
    },
    'IpamDriver.RequestPool': { PoolID: 'pool-1', Pool: '10.20.0.0/16', Data: {} },
    'IpamDriver.ReleasePool': empty,
    'IpamDriver.RequestAddress': { Address: '10.20.0.5/16', Data: {} },
    'IpamDriver.ReleaseAddress': empty,
  }
  t.same(Object.keys(REQUESTS), Object.keys(answers), 'no method is left out')
  for (const [method, expected] of Object.entries(answers)) {
    const answer = await dockerd.call(method, REQUESTS[method])
    t.equal(answer.status, 200, method)
    t.strictSame(answer.body, expected, method)
    t.equal(answer.headers['content-type'], 'application/vnd.docker.plugins.v1.2+json')
  }
})

t.test('the capabilities carry the scope of the driver', async (t) => {
  const { server } = bench(t, { scope: 'global' })
  const { body } = await server.inject('NetworkDriver.GetCapabilities')
  t.match(body, { Scope: 'global', ConnectivityScope: 'global' })
})

t.test('CreateNetwork hands over options, flags and pools, IPv4 first', async (t) => {
  const { server, recorder } = bench(t)
  await server.inject('NetworkDriver.CreateNetwork', JSON.stringify(CREATE_NETWORK))
  t.strictSame(onlyCall(recorder), [
    [
      'createNetwork',
      {
        id: NETWORK,
        options: { backend: 'overlay', 'com.docker.network.driver.mtu': '1400' },
        internal: true,
        ipv6: true,
        pools: [
          {
            addressSpace: 'local-space',
            pool: '10.20.0.0/16',
            aux: ['10.20.0.8/16', '10.20.0.9/16'],
            gateway: '10.20.0.1/16',
          },
          {
            addressSpace: 'local-space',
            pool: 'fd00:20::/64',
            aux: [],
            gateway: 'fd00:20::1/64',
          },
        ],
      },
    ],
  ])
  t.equal(recorder.calls[0]?.signal?.aborted, false)
})

t.test('the null IPAM driver’s pool 0.0.0.0/0 is passed on, without gateway', async (t) => {
  const { server, recorder } = bench(t)
  const body = {
    NetworkID: NETWORK,
    Options: null,
    IPv4Data: [{ AddressSpace: 'null', Pool: '0.0.0.0/0' }],
    IPv6Data: null,
  }
  const { status } = await server.inject('NetworkDriver.CreateNetwork', JSON.stringify(body))
  t.equal(status, 200)
  t.strictSame(recorder.calls[0]?.args, [
    {
      id: NETWORK,
      options: {},
      internal: false,
      ipv6: false,
      pools: [{ addressSpace: 'null', pool: '0.0.0.0/0', aux: [] }],
    },
  ])
})

t.test('pool data without a pool is left out, and so are empty texts', async (t) => {
  const { server, recorder } = bench(t)
  const body = {
    NetworkID: NETWORK,
    IPv4Data: [
      { AddressSpace: 'a' },
      { AddressSpace: 'a', Pool: '10.1.0.0/24', Gateway: '', AuxAddresses: null },
    ],
    IPv6Data: [],
  }
  await server.inject('NetworkDriver.CreateNetwork', JSON.stringify(body))
  t.match(recorder.calls[0]?.args, [
    { pools: [{ addressSpace: 'a', pool: '10.1.0.0/24', gateway: undefined, aux: [] }] },
  ])
})

t.test('AllocateNetwork takes null for the IPv6 pools, as swarm always sends', async (t) => {
  const { server, recorder } = bench(t)
  const body = JSON.stringify(REQUESTS['NetworkDriver.AllocateNetwork'])
  await server.inject('NetworkDriver.AllocateNetwork', body)
  t.strictSame(recorder.calls[0]?.args, [
    {
      id: 'u1l5jwqkkzhmmdgqvz7ckcfqk',
      options: { backend: 'overlay' },
      pools: [
        { addressSpace: 'global-space', pool: '10.0.1.0/24', aux: [], gateway: '10.0.1.1/24' },
      ],
    },
  ])
})

t.test('CreateEndpoint hands over canonical addresses and MAC', async (t) => {
  const { server, recorder } = bench(t)
  const Interface = {
    Address: '10.20.0.5/16',
    AddressIPv6: 'FD00:20:0:0:0::5/64',
    MacAddress: '02:AA:BB:CC:DD:EE',
  }
  const { body } = await server.inject(
    'NetworkDriver.CreateEndpoint',
    JSON.stringify({ ...CREATE_ENDPOINT, Interface }),
  )
  t.strictSame(recorder.calls[0]?.args, [
    {
      network: NETWORK,
      id: ENDPOINT,
      addresses: ['10.20.0.5/16', 'fd00:20::5/64'],
      mac: '02:aa:bb:cc:dd:ee',
    },
  ])
  t.strictSame(body, {}, 'the MAC that Docker gave is not repeated, though the driver did')
})

t.test('CreateEndpoint without addresses, or without Interface, is passed on', async (t) => {
  const { server, recorder } = bench(t)
  recorder.behave('createEndpoint', () => ({}))
  const none = { Address: '', AddressIPv6: '', MacAddress: '' }
  for (const Interface of [none, null, undefined]) {
    const answer = await server.inject(
      'NetworkDriver.CreateEndpoint',
      JSON.stringify({ ...CREATE_ENDPOINT, Interface }),
    )
    t.strictSame(answer, { status: 200, body: {} })
    t.strictSame(recorder.calls.at(-1)?.args, [{ network: NETWORK, id: ENDPOINT, addresses: [] }])
  }
})

t.test('the methods of one id or two pass them on', async (t) => {
  const { server, recorder } = bench(t)
  const cases = [
    ['NetworkDriver.FreeNetwork', 'freeNetwork', [NETWORK]],
    ['NetworkDriver.DeleteNetwork', 'deleteNetwork', [NETWORK]],
    ['NetworkDriver.EndpointOperInfo', 'endpointInfo', [NETWORK, ENDPOINT]],
    ['NetworkDriver.DeleteEndpoint', 'deleteEndpoint', [NETWORK, ENDPOINT]],
    ['NetworkDriver.Join', 'join', [NETWORK, ENDPOINT, SANDBOX_KEY]],
    ['NetworkDriver.Leave', 'leave', [NETWORK, ENDPOINT]],
    ['NetworkDriver.RevokeExternalConnectivity', 'unpublish', [NETWORK, ENDPOINT]],
  ] as const
  for (const [wire, method, args] of cases) {
    await server.inject(wire, JSON.stringify(REQUESTS[wire]))
    t.match(recorder.calls.at(-1), { method, args }, wire)
  }
})

t.test('calls that ask nothing of the driver do not reach it', async (t) => {
  const { server, recorder } = bench(t)
  for (const name of ['DiscoverNew', 'DiscoverDelete']) {
    const method = `NetworkDriver.${name}`
    t.equal((await server.inject(method, JSON.stringify(REQUESTS[method]))).status, 200, method)
  }
  t.strictSame(recorder.calls, [])
})

const joined = (gateways?: readonly string[]) => () => ({
  sourceName: 'veth0',
  namePrefix: 'eth',
  routes: [{ destination: cidr('10.20.0.1/32') }],
  gateway: ip('10.20.0.1'),
  Gateway: '10.20.0.1',
  ...(gateways === undefined ? {} : { gateways: gateways.map(ip) }),
})

t.test('Join says a gateway of each family that the network is the way out for', async (t) => {
  const { server, recorder } = bench(t)
  const request = JSON.stringify(REQUESTS['NetworkDriver.Join'])
  const plain = {
    InterfaceName: { SrcName: 'veth0', DstPrefix: 'eth' },
    StaticRoutes: [{ Destination: '10.20.0.1/32', RouteType: 1 }],
  }
  const cases: [readonly string[] | undefined, object][] = [
    [undefined, {}],
    [[], { DisableGatewayService: true }],
    [['10.20.0.1'], { Gateway: '10.20.0.1' }],
    [['fd00:20::1'], { GatewayIPv6: 'fd00:20::1' }],
    [['fd00:20::1', '10.20.0.1'], { Gateway: '10.20.0.1', GatewayIPv6: 'fd00:20::1' }],
  ]
  for (const [gateways, more] of cases) {
    recorder.behave('join', joined(gateways))
    const { body } = await server.inject('NetworkDriver.Join', request)
    t.strictSame(body, { ...plain, ...more }, JSON.stringify(gateways))
  }
})

t.test('an address or MAC that is none is refused with field and value', async (t) => {
  const { server, recorder } = bench(t)
  const endpoint = (Interface: object) => ({ ...CREATE_ENDPOINT, Interface })
  const network = (item: object) => ({ ...CREATE_NETWORK, IPv4Data: [item] })
  const cases: [string, object, RegExp][] = [
    ['CreateEndpoint', endpoint({ Address: '10.20.0.5' }), /^Interface\.Address is "10\.20\.0\.5"/],
    ['CreateEndpoint', endpoint({ Address: 'fd00::5/64' }), /must be an IPv4 address\/length$/],
    [
      'CreateEndpoint',
      endpoint({ AddressIPv6: '10.0.0.1/8' }),
      /^Interface\.AddressIPv6 is .*IPv6/,
    ],
    ['CreateEndpoint', endpoint({ MacAddress: '01:00:5e:00:00:01' }), /^Interface\.MacAddress is/],
    [
      'CreateNetwork',
      network({ Pool: '10.0.0.0/33' }),
      /^IPv4Data\[0\]\.Pool is "10\.0\.0\.0\/33"/,
    ],
    ['CreateNetwork', network({ Pool: '10.0.0.0/8', Gateway: 'x' }), /^IPv4Data\[0\]\.Gateway is/],
    [
      'CreateNetwork',
      network({ Pool: '10.0.0.0/8', AuxAddresses: { dns: 'here' } }),
      /^IPv4Data\[0\]\.AuxAddresses\.dns is "here", but/,
    ],
  ]
  for (const [name, body, message] of cases) {
    const answer = await server.inject(`NetworkDriver.${name}`, JSON.stringify(body))
    t.equal(answer.status, 500)
    t.match(errorOf(answer.body), message)
  }
  t.strictSame(recorder.calls, [], 'none of them reaches the driver')
})

t.test('the MAC that the driver chose is answered when Docker gave none', async (t) => {
  const { server, recorder } = bench(t)
  recorder.behave('createEndpoint', () => ({ mac: mac('02:42:0a:14:00:07') }))
  const { body } = await server.inject(
    'NetworkDriver.CreateEndpoint',
    JSON.stringify(CREATE_ENDPOINT),
  )
  t.strictSame(body, { Interface: { MacAddress: '02:42:0a:14:00:07' } })
})
