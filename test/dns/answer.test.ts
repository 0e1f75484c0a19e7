import packet from 'dns-packet'
import t from 'tap'
import type { Ip } from '../../src/core/ip.js'
import type { NamesView } from '../../src/core/names-view.js'
import { answer, type Transport } from '../../src/dns/answer.js'

const NAMES = new Map<string, readonly string[]>(
  Object.entries({
    web: ['10.20.0.5'],
    db: ['10.20.0.6', 'fd00::6'],
    'db.net1': ['10.20.0.6', 'fd00::6'],
    my_api: ['10.20.0.7'],
    six: ['fd00::7'],
    many: Array.from({ length: 50 }, (_, n) => `10.20.1.${n}`),
    é: ['10.20.0.8'],
  }),
)
const view: NamesView = {
  addressesOf: (name) => NAMES.get(name) as readonly Ip[] | undefined,
  namesOf: (ip) =>
    ({ '10.20.0.5': [`${'x'.repeat(64)}.net1`, 'web.net1', 'web.net2'], 'fd00::7': ['six.net1'] })[
      ip as string
    ],
}

interface Asked {
  readonly type?: string
  readonly transport?: Transport
  readonly opt?: number
  readonly random?: () => number
  readonly flags?: number
  readonly class?: 'IN' | 'CH' | 'ANY'
}

function queryOf(name: string, o: Asked = {}): Buffer {
  const additionals = o.opt === undefined ? [] : [optRecord(o.opt)]
  return packet.encode({
    type: 'query',
    id: 4711,
    flags: o.flags ?? packet.RECURSION_DESIRED,
    questions: [{ name, type: (o.type ?? 'A') as 'A', class: o.class ?? 'IN' }],
    additionals,
  })
}

function optRecord(payload: number, ednsVersion = 0): packet.Answer {
  const record = { type: 'OPT', name: '.', udpPayloadSize: payload, flags: packet.DNSSEC_OK }
  return {
    ...record,
    ednsVersion,
    extendedRcode: 0,
    flag_do: true,
    options: [],
  } as packet.OptAnswer
}

function ask(name: string, o: Asked = {}) {
  return read(answer(queryOf(name, o), view, o.transport ?? 'udp', o.random))
}

function read(verdict: ReturnType<typeof answer>) {
  if (verdict.kind !== 'answer') return verdict.kind
  const decoded = packet.decode(verdict.message)
  const answers = decoded.answers as readonly { name: string; type: string; data: unknown }[]
  return {
    ...decoded,
    rcode: (decoded as unknown as { rcode: string }).rcode,
    bytes: verdict.message.length,
    data: answers.map((record) => record.data),
    answers,
  }
}

const dataOf = (got: ReturnType<typeof ask>) => (typeof got === 'string' ? got : got.data)
const rcodeOf = (got: ReturnType<typeof ask>) => (typeof got === 'string' ? got : got.rcode)

t.test('a name is answered with its addresses of the family', (t) => {
  t.strictSame(dataOf(ask('web')), ['10.20.0.5'])
  t.strictSame(dataOf(ask('db')), ['10.20.0.6'])
  t.strictSame(dataOf(ask('db', { type: 'AAAA' })), ['fd00::6'])
  t.strictSame(dataOf(ask('db.net1', { type: 'AAAA' })), ['fd00::6'])
  t.strictSame(dataOf(ask('my_api')), ['10.20.0.7'])
  t.same(new Set(dataOf(ask('db', { type: 'ANY' }))), new Set(['10.20.0.6', 'fd00::6']))
  t.end()
})

t.test('a known name without such a record: NOERROR, nothing', (t) => {
  for (const [name, type] of [
    ['web', 'AAAA'],
    ['six', 'A'],
    ['web', 'MX'],
    ['web', 'TXT'],
    ['web', 'SRV'],
    ['5.0.20.10.in-addr.arpa', 'A'],
  ] as const) {
    const got = ask(name, { type })
    t.equal(rcodeOf(got), 'NOERROR', `${name} ${type}`)
    t.strictSame(dataOf(got), [], `${name} ${type}`)
  }
  t.end()
})

t.test('a type that came after us: HTTPS', (t) => {
  const query = queryOf('web')
  query.writeUInt16BE(65, query.length - 4)
  t.match(read(answer(query, view, 'udp')), { rcode: 'NOERROR', answers: [] })
  t.end()
})

t.test('the header is as that of Docker’s resolver', (t) => {
  const got = ask('web', { flags: packet.RECURSION_DESIRED | packet.CHECKING_DISABLED })
  if (typeof got === 'string') throw new Error(got)
  t.match(got, { id: 4711, type: 'response', flag_ra: true, flag_rd: true, flag_aa: false })
  t.match(got, { flag_tc: false, flag_cd: true, flag_ad: false })
  t.match(got.answers, [{ name: 'web', type: 'A', class: 'IN', ttl: 5 }])
  t.equal(got.additionals?.length, 0, 'no EDNS unasked')
  t.match(ask('web', { flags: 0 }), { flag_rd: false })
  t.end()
})

t.test('any case, and the asker’s case comes back', (t) => {
  const got = ask('wEb')
  t.strictSame(dataOf(got), ['10.20.0.5'])
  t.match(got, { questions: [{ name: 'wEb' }], answers: [{ name: 'wEb' }] })
  t.end()
})

t.test('PTR: the best name that DNS can carry', (t) => {
  t.strictSame(dataOf(ask('5.0.20.10.in-addr.arpa', { type: 'PTR' })), ['web.net1'])
  t.strictSame(dataOf(ask('5.0.20.10.IN-ADDR.ARPA', { type: 'PTR' })), ['web.net1'])
  const six = `7.${'0.'.repeat(27)}0.0.d.f.ip6.arpa`
  t.strictSame(dataOf(ask(six, { type: 'PTR' })), ['six.net1'])
  for (const name of ['9.0.20.10', '20.10', '500.0.20.10', 'x.0.20.10', '5.0.20.010']) {
    t.equal(ask(`${name}.in-addr.arpa`, { type: 'PTR' }), 'pass', name)
  }
  t.end()
})

t.test('what the cluster does not know is passed on', (t) => {
  for (const name of ['example.com', 'web.net9', 'constructor', 'é', 'we b', '', 'a@b']) {
    t.equal(ask(name), 'pass', name)
  }
  t.equal(ask('web', { class: 'CH' }), 'pass')
  t.equal(ask('web', { class: 'ANY' }), 'pass')
  for (const type of ['AXFR', 'IXFR', 'OPT', 'TSIG']) t.equal(ask('web', { type }), 'pass', type)
  const notify = queryOf('web')
  notify.writeUInt16BE(4 << 11, 2)
  t.equal(answer(notify, view, 'udp').kind, 'pass', 'NOTIFY')
  t.end()
})

t.test('several addresses come in each order equally often', (t) => {
  const firsts = new Map<unknown, number>()
  for (let n = 0; n < 5_000; n += 1) {
    const data = dataOf(ask('many', { opt: 4096 }))
    if (typeof data === 'string') throw new Error(data)
    if (n === 0) t.equal(new Set(data).size, 50)
    firsts.set(data[0], (firsts.get(data[0]) ?? 0) + 1)
  }
  t.equal(firsts.size, 50)
  t.ok(Math.min(...firsts.values()) > 40, 'about 100 each')
  t.end()
})

t.test('an answer that is too long', (t) => {
  const plain = ask('many')
  t.match(plain, { flag_tc: true, rcode: 'NOERROR' })
  t.ok(typeof plain !== 'string' && plain.bytes <= 512 && plain.bytes > 490, 'what fits is there')
  t.ok(Number(dataOf(plain).length) > 25)
  t.match(ask('many', { transport: 'tcp' }), { flag_tc: false, answers: { length: 50 } })
  const edns = ask('many', { opt: 1232 })
  t.match(edns, { flag_tc: false, answers: { length: 50 } })
  t.match(edns, { additionals: [{ type: 'OPT', udpPayloadSize: 4096, flag_do: true }] })
  const small = ask('many', { opt: 600 })
  t.match(small, { flag_tc: true, additionals: [{ type: 'OPT' }] })
  t.ok(typeof small !== 'string' && small.bytes <= 600)
  t.match(ask('many', { opt: 100 }), { flag_tc: true, answers: { length: 29 } }, 'at least 512')
  t.end()
})

t.test('EDNS that we do not know', (t) => {
  const query = (...additionals: packet.Answer[]) =>
    packet.encode({ type: 'query', id: 1, questions: [{ name: 'web', type: 'A' }], additionals })
  const version = read(answer(query(optRecord(1232, 1)), view, 'udp'))
  t.match(version, { answers: [], additionals: [{ extendedRcode: 1, ednsVersion: 0 }] }, 'BADVERS')
  const two = read(answer(query(optRecord(1232), optRecord(1232)), view, 'udp'))
  t.equal(rcodeOf(two), 'FORMERR')
  const cut = answer(query(optRecord(1232)).subarray(0, -3), view, 'udp')
  t.equal(rcodeOf(read(cut)), 'FORMERR')
  t.end()
})

t.test('what is no question', (t) => {
  const response = queryOf('web')
  response.writeUInt16BE(0x8180, 2)
  t.equal(answer(response, view, 'udp').kind, 'silence')
  for (const length of [0, 1, 11]) {
    t.equal(answer(queryOf('web').subarray(0, length), view, 'udp').kind, 'silence', `${length}`)
  }
  const none = queryOf('web')
  none.writeUInt16BE(0, 4)
  t.match(read(answer(none, view, 'udp')), { id: 4711, rcode: 'FORMERR', questions: [] })
  const two = queryOf('web')
  two.writeUInt16BE(2, 4)
  t.equal(rcodeOf(read(answer(two, view, 'udp'))), 'FORMERR', 'RFC 9619')
  t.equal(rcodeOf(read(answer(queryOf('web').subarray(0, -1), view, 'udp'))), 'FORMERR', 'cut')
  for (const at of [12, 14]) {
    const looping = queryOf('web')
    looping.writeUInt16BE(0xc000 + at, 12)
    t.equal(rcodeOf(read(answer(looping, view, 'udp'))), 'FORMERR', `pointer to ${at}`)
  }
  const label = queryOf('x'.repeat(63))
  label[12] = 64
  t.equal(rcodeOf(read(answer(label, view, 'udp'))), 'FORMERR', 'a label of 64')
  t.end()
})

t.test('a name that ends in a pointer is Docker’s to read', (t) => {
  const bytes = Buffer.concat([queryOf('web').subarray(0, 16), Buffer.from([0xc0, 2, 0, 1, 0, 1])])
  t.equal(answer(bytes, view, 'udp').kind, 'pass')
  t.end()
})
