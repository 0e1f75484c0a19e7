import fc from 'fast-check'
import t from 'tap'
import { ipFromBytes, ipToBytes, parseIp } from '../../src/core/ip.js'
import type { Mac } from '../../src/core/mac.js'
import type { VethLink } from '../../src/core/plan.js'
import { decodeMiss, isLocalOnly } from '../../src/dataplane/facts/misses.js'
import { isSandboxName } from '../../src/dataplane/places/marks.js'
import {
  addressBytes,
  attr,
  nested,
  parseAttributes,
  readText,
  readU32,
  text,
  u32,
} from '../../src/dataplane/rtnl/codec.js'
import {
  decodeNeighbour,
  putFdb,
  putNeighbour,
  putStation,
} from '../../src/dataplane/rtnl/neighbour-codec.js'
import { STATIONS, stationsOf } from '../../src/dataplane/tables/stations.js'

const address = fc
  .oneof(
    fc.uint8Array({ minLength: 4, maxLength: 4 }),
    fc.uint8Array({ minLength: 16, maxLength: 16 }),
    // many zeros, so that every place of "::" occurs
    fc
      .array(fc.constantFrom(0, 0, 0, 1), { minLength: 16, maxLength: 16 })
      .map((bytes) => Uint8Array.from(bytes)),
  )
  .map(ipFromBytes)

t.test('the fast address encoder agrees with the one of core', async () => {
  fc.assert(
    fc.property(address, (ip) => Buffer.compare(addressBytes(ip), ipToBytes(ip)) === 0),
    { numRuns: 2000 },
  )
})

t.test('attributes are read back as they were written, whatever their length', async () => {
  const rows = fc.uniqueArray(
    fc.tuple(fc.integer({ min: 1, max: 200 }), fc.uint8Array({ maxLength: 40 })),
    { selector: ([type]) => type },
  )
  fc.assert(
    fc.property(rows, (attributes) => {
      const bytes = Buffer.concat(attributes.map(([type, value]) => attr(type, value)))
      const read = parseAttributes(bytes)
      return (
        bytes.length % 4 === 0 &&
        read.size === attributes.length &&
        attributes.every(([type, value]) => read.get(type)?.equals(value))
      )
    }),
  )
})

t.test('cut or random bytes are read without an exception', async () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      parseAttributes(Buffer.from(bytes))
      return true
    }),
  )
})

t.test('nested attributes, text and numbers', async (t) => {
  const inner = parseAttributes(nested(18, text(1, 'vxlan'), u32(2, 70000)), 4)
  t.equal(readText(inner.get(1)), 'vxlan')
  t.equal(readU32(inner.get(2)), 70000)
  t.equal(readU32(undefined), 0)
})

t.test('neighbour and FDB messages carry device, address and MAC', async () => {
  const mac = '02:42:0a:14:00:05' as Mac
  fc.assert(
    fc.property(address, fc.integer({ min: 1, max: 1 << 30 }), (ip, ifindex) => {
      const neighbour = decodeNeighbour(putNeighbour(ifindex, ip, mac).body)
      const fdb = decodeNeighbour(putFdb(ifindex, mac, ip).body)
      return [neighbour, fdb].every(
        (state) => state.ifindex === ifindex && state.ip === ip && state.mac === mac,
      )
    }),
  )
})

t.test('a notice is a miss only as RTM_GETNEIGH for an address of an endpoint', async (t) => {
  const mac = '02:42:0a:14:00:05' as Mac
  const bodyOf = (value: string) => {
    const ip = parseIp(value)
    if (ip === undefined) throw new Error(`not an address: ${value}`)
    return putNeighbour(7, ip, mac).body
  }
  t.same(decodeMiss(30, bodyOf('10.20.0.9')), { ifindex: 7, ip: '10.20.0.9' })
  t.same(decodeMiss(30, bodyOf('fd00::9')), { ifindex: 7, ip: 'fd00::9' })
  t.equal(decodeMiss(28, bodyOf('10.20.0.9')), undefined, 'RTM_NEWNEIGH')
  for (const local of ['224.0.0.22', '239.1.2.3', '169.254.1.1', 'fe80::1', 'febf::1', 'ff02::1']) {
    t.equal(decodeMiss(30, bodyOf(local)), undefined, local)
    t.ok(isLocalOnly(local), local)
  }
  for (const wide of ['223.255.0.1', '240.0.0.1', 'fec0::1', 'fd00::fe80', '2.24.0.1']) {
    t.notOk(isLocalOnly(wide), wide)
  }
})

t.test('sandbox names are 1- and ten characters of a NetworkID', async (t) => {
  for (const name of ['1-0123456789', '1-abcdefghij']) t.ok(isSandboxName(name), name)
  for (const name of ['1-012345678', '1-01234567890', '2-0123456789', 'default', '../1-0123456789'])
    t.notOk(isSandboxName(name), name)
})

t.test('a bridge knows one port for each MAC of its containers', async (t) => {
  const veth = (name: string, mac: string, master: string): VethLink => {
    const peer = { name: `tso${name}`, mac: mac as Mac }
    return { kind: 'veth', name, mtu: 1450, master, peer }
  }
  const [a, b] = ['02:42:0a:14:00:05', '02:42:0a:14:00:06']
  const links = [
    veth('v1', a, 'br0'),
    veth('v2', a, 'br0'),
    veth('v3', b, 'br0'),
    veth('v4', a, 'br1'),
  ]
  t.same(stationsOf(links), [
    { dev: 'v1', mac: a },
    { dev: 'v3', mac: b },
    { dev: 'v4', mac: a },
  ])
  const state = decodeNeighbour(putStation(7, a as Mac).body)
  t.match(state, { ifindex: 7, mac: a, vlan: false })
  t.same(STATIONS.decode({ ...state, flags: 0 }, 'v1'), { dev: 'v1', mac: a })
  t.equal(STATIONS.decode({ ...state, flags: 0, state: 0x02 }, 'v1'), undefined, 'learned')
  t.equal(STATIONS.decode({ ...state, flags: 0, state: 0xc0 }, 'v1'), undefined, "the port's own")
  t.equal(STATIONS.keyIn({ ...state, flags: 0, vlan: true }), undefined, 'of a VLAN')
})
