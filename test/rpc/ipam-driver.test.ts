import t from 'tap'
import { bench, errorOf } from './dockerd.js'
import { cidr } from './fake-drivers.js'

t.test('RequestPool hands over pool, range, options and family', async (t) => {
  const { server, recorder } = bench(t)
  const bodies: [object, object][] = [
    [
      {
        AddressSpace: 'local-space',
        Pool: '10.20.0.0/16',
        SubPool: '10.20.4.0/24',
        Options: { network: 'blue' },
        V6: false,
      },
      {
        addressSpace: 'local-space',
        options: { network: 'blue' },
        ipv6: false,
        pool: '10.20.0.0/16',
        subPool: '10.20.4.0/24',
      },
    ],
    [
      { AddressSpace: 'local-space', Pool: '', SubPool: '', Options: null, V6: true },
      { addressSpace: 'local-space', options: {}, ipv6: true },
    ],
  ]
  for (const [body, expected] of bodies) {
    await server.inject('IpamDriver.RequestPool', JSON.stringify(body))
    t.strictSame(recorder.calls.at(-1)?.args, [expected])
  }
})

t.test('the pool of the answer has its host bits cleared', async (t) => {
  const { server, recorder } = bench(t)
  recorder.behave('requestPool', () => ({ id: 'p6', pool: cidr('FD00:0::7/64') }))
  const { body } = await server.inject('IpamDriver.RequestPool', '{"AddressSpace":"","V6":true}')
  t.strictSame(body, { PoolID: 'p6', Pool: 'fd00::/64', Data: {} })
})

t.test(
  'RequestAddress tells apart a container’s, a gateway’s and a replayed address',
  async (t) => {
    const { server, recorder } = bench(t)
    const GATEWAY = { RequestAddressType: 'com.docker.network.gateway' }
    const SERIAL = { 'com.docker.network.ipam.serial': 'true' }
    const any = { poolId: 'pool-1', gateway: false, replay: false }
    const cases: [object, object][] = [
      [{ Address: '', Options: null }, any],
      [{}, any],
      [
        { Address: '10.20.0.7', Options: {} },
        { ...any, address: '10.20.0.7' },
      ],
      [
        { Address: '', Options: GATEWAY },
        { ...any, gateway: true },
      ],
      [
        { Address: '10.20.0.1', Options: { ...GATEWAY, ...SERIAL } },
        { poolId: 'pool-1', gateway: true, replay: true, address: '10.20.0.1' },
      ],
      [{ Address: '', Options: { 'com.docker.network.ipam.serial': 'false' } }, any],
      [
        { Address: '', Options: { 'com.docker.network.endpoint.name': 'web' } },
        { ...any, name: 'web' },
      ],
      [
        { Address: 'FD00::0:7', Options: null },
        { ...any, address: 'fd00::7' },
      ],
    ]
    for (const [body, expected] of cases) {
      const text = JSON.stringify({ PoolID: 'pool-1', ...body })
      await server.inject('IpamDriver.RequestAddress', text)
      t.strictSame(recorder.calls.at(-1)?.args, [expected], text)
    }
  },
)

t.test('ReleasePool and ReleaseAddress pass on what they are given', async (t) => {
  const { server, recorder } = bench(t)
  await server.inject('IpamDriver.ReleasePool', '{"PoolID":"pool-1"}')
  await server.inject('IpamDriver.ReleaseAddress', '{"PoolID":"pool-1","Address":"fd00:0::5"}')
  t.strictSame(
    recorder.calls.map(({ method, args }) => [method, ...args]),
    [
      ['releasePool', 'pool-1'],
      ['releaseAddress', 'pool-1', 'fd00::5'],
    ],
  )
})

t.test('a pool or address that is none is refused with field and value', async (t) => {
  const { server, recorder } = bench(t)
  const cases: [string, object, RegExp][] = [
    ['RequestPool', { Pool: '10.20.0.0' }, /^Pool is "10\.20\.0\.0", but must be an IP/],
    ['RequestPool', { SubPool: 'all' }, /^SubPool is "all"/],
    ['RequestAddress', { PoolID: 'p', Address: '10.20.0.5/16' }, /^Address is "10\.20\.0\.5\/16"/],
    ['ReleaseAddress', { PoolID: 'p', Address: '' }, /^Address is "", but must be an IP address$/],
    ['ReleaseAddress', { PoolID: 'p' }, /Address/],
    ['ReleasePool', { PoolID: '' }, /PoolID is ""/],
  ]
  for (const [name, body, message] of cases) {
    const answer = await server.inject(`IpamDriver.${name}`, JSON.stringify(body))
    t.equal(answer.status, 500)
    t.match(errorOf(answer.body), message)
  }
  t.strictSame(recorder.calls, [], 'none of them reaches the driver')
})
