import t from 'tap'
import type { Cidr, Ip } from '../../src/core/ip.js'
import type { Mac } from '../../src/core/mac.js'
import { documents } from '../../src/state/documents.js'
import { keys, lastPart, vniOf } from '../../src/state/keys.js'

const HOST = { id: 'a', name: 'node', vtep: '192.0.2.1' as Ip, boot: '1' }

t.test('a document comes back as it was, and a newer field does not hurt', async (t) => {
  t.strictSame(documents.host.decode(documents.host.encode(HOST)), HOST)
  t.match(documents.host.decode(JSON.stringify({ ...HOST, later: 1 })), HOST)
})

t.test('what is not a document is undefined, never an exception', async (t) => {
  const endpoint = { id: 'e', network: 'k', host: 'a', boot: '1', mac: '02:42:0a:14:00:05' }
  const bad: readonly [keyof typeof documents, unknown][] = [
    ['host', { ...HOST, vtep: '192.0.2.300' }],
    ['host', { ...HOST, vtep: 'FD00::1' }],
    ['host', { ...HOST, name: undefined }],
    ['host', null],
    ['host', []],
    ['endpoint', { ...endpoint, addresses: ['10.20.0.5'] }],
    ['endpoint', { ...endpoint, addresses: '10.20.0.5/16' }],
    ['endpoint', { ...endpoint, mac: '01:00:5e:00:00:01', addresses: [] }],
    ['address', { host: 'a', kind: 'other' }],
    ['pool', { pool: '10.20.0.0/33' }],
    ['chore', { id: '1', kind: 'k', subject: 's', args: { n: 1 } }],
    ['binding', { dockerNetwork: 'd', ipam: 'docker', network: {} }],
  ]
  for (const [kind, value] of bad) {
    t.equal(documents[kind].decode(JSON.stringify(value)), undefined, JSON.stringify(value))
  }
  for (const text of ['', '{', 'undefined']) t.equal(documents.host.decode(text), undefined)
})

t.test(
  'names are in the records of an endpoint, and those of a former version have none',
  async (t) => {
    const endpoint = {
      ...{ id: 'e', network: 'k', host: 'a', boot: '1', mac: '02:42:0a:14:00:05' as Mac },
      addresses: ['10.20.0.5/16' as Cidr],
    }
    const named = { ...endpoint, names: ['web', '0123456789ab'] }
    const local = { ...named, dockerNetwork: 'd', joined: true }
    t.strictSame(documents.endpoint.decode(JSON.stringify(endpoint)), endpoint)
    t.strictSame(documents.endpoint.decode(JSON.stringify(named)), named)
    t.strictSame(documents.localEndpoint.decode(JSON.stringify(local)), local)
    t.equal(documents.endpoint.decode(JSON.stringify({ ...endpoint, names: 'web' })), undefined)
  },
)

t.test('published ports are in the journal, and are read only if they are some', async (t) => {
  const port = { protocol: 'tcp', hostPort: 8080, to: '10.20.0.5' as Ip, port: 80 } as const
  const local = {
    ...{ id: 'e', network: 'k', host: 'a', boot: '1', mac: '02:42:0a:14:00:05' as Mac },
    ...{ addresses: ['10.20.0.5/16' as Cidr], dockerNetwork: 'd', joined: true },
    published: [port, { ...port, protocol: 'udp', hostIp: '192.0.2.1' as Ip } as const],
  }
  t.strictSame(documents.localEndpoint.decode(documents.localEndpoint.encode(local)), local)
  for (const wrong of [{ protocol: 'icmp' }, { hostIp: 'eth0' }, { to: '' }, { hostPort: '80' }]) {
    const text = JSON.stringify({ ...local, published: [{ ...port, ...wrong }] })
    t.equal(documents.localEndpoint.decode(text), undefined, text)
  }
})

t.test('no key is a prefix of a foreign one', async (t) => {
  const ref = { space: 'a', pool: '10.20.0.0/16' as Cidr }
  t.equal(keys.address(ref, '10.20.0.5' as Ip), '/addresses/a/10.20.0.0-16/10.20.0.5')
  t.equal(keys.pool({ ...ref, space: '' }), '/pools/_/10.20.0.0-16')
  t.notOk(keys.pool({ ...ref, space: 'ab' }).startsWith(keys.pools('a')))
  t.notOk(keys.endpoint('k2', 'h', 'e').startsWith(keys.endpoints('k')))
  const longer = { ...ref, pool: '10.20.0.0/1' as Cidr }
  t.notOk(keys.address(ref, '10.20.0.5' as Ip).startsWith(keys.addresses(longer)))
})

t.test('VNI keys sort as numbers and say their number', async (t) => {
  const vnis = [16_777_215, 256, 1, 4_096]
  t.same(vnis.map(keys.vni).sort().map(vniOf), [1, 256, 4_096, 16_777_215])
  t.equal(lastPart(keys.host('h')), 'h')
})
