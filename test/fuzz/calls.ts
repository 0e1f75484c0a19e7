/**
 * Calls that dockerd could make and calls that it never would, drawn at random: ids and subnets come
 * from a small stock, so that calls meet each other's networks, endpoints and addresses.
 */
import { createHash } from 'node:crypto'
import fc from 'fast-check'

export interface Call {
  readonly method: string
  /** undefined: an empty body */
  readonly body?: object
}

/** In place of a PoolID: the n-th of those that were given out. */
export const poolSlot = (n: number): string => `@${n}`

const id = (name: string): string => createHash('sha256').update(name).digest('hex')
export const NETWORKS = Array.from({ length: 8 }, (_, n) => id(`network ${n}`))
const ENDPOINTS = Array.from({ length: 20 }, (_, n) => id(`endpoint ${n}`))
const SUBNETS = ['10.90.0.0/24', '10.91.0.0/16', '10.92.0.0/29', 'fd00:90::/64', '10.93.0.0/20']
export const LOCAL_SPACE = 'tsoverlay-local'

const of = <T>(...values: readonly T[]): fc.Arbitrary<T> => fc.constantFrom(...values)
const mostly = <T>(usual: fc.Arbitrary<T>, odd: fc.Arbitrary<T>): fc.Arbitrary<T> =>
  fc.oneof({ weight: 12, arbitrary: usual }, { weight: 1, arbitrary: odd })

const ODD_TEXT = of(
  '',
  ' ',
  'x',
  '../../../tmp/x',
  'a/b/c',
  '1-',
  '__proto__',
  'constructor',
  'é\u0000\u202e',
  '|',
  '||||',
  '%2e%2e/',
  'A'.repeat(64),
  'n'.repeat(20_000),
  '$(reboot)',
  '<nil>',
)
/** Ids whose first characters, which name kernel objects, are another's. */
const TWINS = of(
  `${NETWORKS[0]?.slice(0, 10)}${'0'.repeat(54)}`,
  `${ENDPOINTS[0]?.slice(0, 12)}${'0'.repeat(52)}`,
  `${ENDPOINTS[1]?.slice(0, 7)}${'0'.repeat(57)}`,
)
const oddId = fc.oneof(ODD_TEXT, TWINS)
const network = mostly(of(...NETWORKS), oddId)
const endpoint = mostly(of(...ENDPOINTS), oddId)
const ODD_SUBNETS = of(
  '10.0.0.0/8',
  '0.0.0.0/0',
  '10.90.0.5/24',
  '10.92.0.0/31',
  '127.0.0.0/8',
  '224.0.0.0/4',
  '192.0.2.0/24',
  '::/0',
  'fe80::/64',
  '::ffff:10.0.0.0/104',
  '10.91.128.0/17',
  '10.90.0.0/33',
)
const subnet = mostly(of(...SUBNETS), fc.oneof(ODD_SUBNETS, ODD_TEXT))
const address = mostly(
  fc
    .tuple(of('10.90.0', '10.91.0', '10.92.0', '10.91.7'), fc.integer({ min: 0, max: 12 }))
    .map(([net, last]) => `${net}.${last}`),
  fc.oneof(of('fd00:90::5', '0.0.0.0', '255.255.255.255', '::', '10.90.0.256'), ODD_TEXT),
)
const cidr = fc
  .tuple(address, of('24', '16', '29', '32', '0', '64'))
  .map((parts) => parts.join('/'))
const space = mostly(
  of(LOCAL_SPACE, LOCAL_SPACE, 'LocalDefault'),
  fc.oneof(of('tsoverlay-global'), ODD_TEXT),
)
const name = mostly(of('dirt1', 'dirt2'), fc.oneof(of('_', 'a|b', '.x'), ODD_TEXT))
const forgedPool = fc
  .tuple(space, mostly(of('', 'dirt1', '_'), ODD_TEXT), subnet, mostly(of(''), subnet))
  .map((parts) => parts.join('|'))
const poolId = fc.oneof(
  { weight: 6, arbitrary: fc.nat(30).map(poolSlot) },
  { weight: 2, arbitrary: forgedPool },
  { weight: 1, arbitrary: ODD_TEXT },
)
const hostPort = of(0, 8080, 8081, 65_535, -1, 1.5)
const sandboxOptions = fc.record({
  'com.docker.network.portmap': fc.array(
    fc.record({
      Proto: of(6, 17, 132, 1, 256),
      Port: of(80, 53, 0, 65_536),
      HostIP: mostly(of('', '127.0.0.1'), fc.oneof(of('::', '0.0.0.0', '192.0.2.9'), ODD_TEXT)),
      HostPort: hostPort,
      HostPortEnd: hostPort,
    }),
    { maxLength: 3 },
  ),
})
const maybe = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(value, { nil: undefined, freq: 2 })
const rarely = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.oneof({ weight: 9, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: value })

const ipamOptions = fc.record({
  network: rarely(name),
  block: rarely(of('26', '29', '24,120', '99', '-1', '1e3', '')),
  other: rarely(ODD_TEXT),
})
const driverOptions = fc.record({
  network: rarely(name),
  backend: rarely(of('overlay', 'vxlan', '', '__proto__')),
  'com.docker.network.driver.mtu': rarely(of('1400', '68', '0', '-1', '99999999999', '1e3', 'x')),
  'com.docker.network.driver.overlay.vxlanid_list': rarely(
    of('300', '256', '256,257', '0', '16777216', '1,1', 'x', ','),
  ),
})
const ipamData = fc.record({
  AddressSpace: space,
  Pool: subnet,
  Gateway: maybe(cidr),
  AuxAddresses: rarely(fc.dictionary(of('a', '__proto__', 'b'), cidr, { maxKeys: 2 })),
})
const pools = fc.array(ipamData, { maxLength: 2 })
const byEndpoint = { NetworkID: network, EndpointID: endpoint }
const anything = fc.jsonValue({ maxDepth: 2 })

const BODIES: readonly (readonly [number, string, fc.Arbitrary<object> | undefined])[] = [
  [1, 'Plugin.Activate', undefined],
  [1, 'NetworkDriver.GetCapabilities', undefined],
  [1, 'IpamDriver.GetCapabilities', undefined],
  [1, 'IpamDriver.GetDefaultAddressSpaces', undefined],
  [
    5,
    'IpamDriver.RequestPool',
    fc.record({
      AddressSpace: space,
      Pool: maybe(subnet),
      SubPool: rarely(subnet),
      Options: ipamOptions,
      V6: rarely(fc.boolean()),
    }),
  ],
  [4, 'IpamDriver.ReleasePool', fc.record({ PoolID: poolId })],
  [
    7,
    'IpamDriver.RequestAddress',
    fc.record({
      PoolID: poolId,
      Address: maybe(address),
      Options: fc.record({
        RequestAddressType: rarely(of('com.docker.network.gateway', 'x')),
        'com.docker.network.ipam.serial': rarely(of('true')),
      }),
    }),
  ],
  [5, 'IpamDriver.ReleaseAddress', fc.record({ PoolID: poolId, Address: address })],
  [
    6,
    'NetworkDriver.CreateNetwork',
    fc.record({
      NetworkID: network,
      Options: fc.record({
        'com.docker.network.generic': driverOptions,
        'com.docker.network.internal': rarely(fc.boolean()),
      }),
      IPv4Data: pools,
      IPv6Data: rarely(pools),
    }),
  ],
  [3, 'NetworkDriver.DeleteNetwork', fc.record({ NetworkID: network })],
  [
    1,
    'NetworkDriver.AllocateNetwork',
    fc.record({ NetworkID: network, Options: driverOptions, IPv4Data: pools }),
  ],
  [1, 'NetworkDriver.FreeNetwork', fc.record({ NetworkID: network })],
  [
    10,
    'NetworkDriver.CreateEndpoint',
    fc.record({
      ...byEndpoint,
      Interface: fc.record({
        Address: cidr,
        AddressIPv6: rarely(of('fd00:90::7/64', 'fd00::1/64', 'x')),
        MacAddress: rarely(of('02:42:00:00:00:07', 'ff:ff:ff:ff:ff:ff', '02:42', '')),
      }),
      Options: rarely(fc.dictionary(fc.string(), anything, { maxKeys: 3 })),
    }),
  ],
  [
    10,
    'NetworkDriver.Join',
    fc.record({
      ...byEndpoint,
      SandboxKey: fc.oneof(of('/var/run/docker/netns/c0ffee'), ODD_TEXT),
    }),
  ],
  [6, 'NetworkDriver.Leave', fc.record(byEndpoint)],
  [6, 'NetworkDriver.DeleteEndpoint', fc.record(byEndpoint)],
  [2, 'NetworkDriver.EndpointOperInfo', fc.record(byEndpoint)],
  [
    2,
    'NetworkDriver.ProgramExternalConnectivity',
    fc.record({ ...byEndpoint, Options: maybe(sandboxOptions) }),
  ],
  [1, 'NetworkDriver.RevokeExternalConnectivity', fc.record(byEndpoint)],
  [
    1,
    'NetworkDriver.DiscoverNew',
    fc.record({ DiscoveryType: fc.integer(), DiscoveryData: anything }),
  ],
  [1, 'NetworkDriver.GwAllocCheck', fc.record({ Options: anything }) as fc.Arbitrary<object>],
]

/** Fits its schema nearly always, whatever sense it makes. */
export const call: fc.Arbitrary<Call> = fc.oneof(
  ...BODIES.map(([weight, method, body]) => ({
    weight,
    arbitrary:
      body === undefined
        ? fc.constant<Call>({ method })
        : body.map((value): Call => ({ method, body: value })),
  })),
)

export const METHODS = BODIES.map(([, method]) => method)
