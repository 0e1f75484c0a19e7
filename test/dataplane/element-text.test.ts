import t from 'tap'
import type { Cidr, Ip } from '../../src/core/ip.js'
import type { Mac } from '../../src/core/mac.js'
import { elementText } from '../../src/dataplane/nft/element-text.js'
import { rangeElements, rangeSet } from '../../src/dataplane/tables/domain-sets.js'
import { SOURCE_CHECK, sourceElements } from '../../src/dataplane/tables/source-check.js'

t.test('keys of several fields are as nft says them', async (t) => {
  const elements = sourceElements([
    { dev: 'veth1', mac: '02:42:0a:14:00:02' as Mac, ips: ['10.20.0.2' as Ip, 'fd20::2' as Ip] },
  ])
  const texts = elements?.map((one) => {
    const set = SOURCE_CHECK.sets.find(({ name }) => name === one.set)
    return `${one.set} ${set === undefined ? '?' : elementText(one, set)}`
  })
  t.strictSame(texts, [
    'macs veth1 . 02:42:0a:14:00:02',
    'ip4 veth1 . 10.20.0.2',
    'ip4frames veth1 . 02:42:0a:14:00:02 . 10.20.0.2',
    'ip6 veth1 . fd20::2',
  ])
})

t.test('ranges are prefixes where they are some', async (t) => {
  const set = rangeSet('ranges')
  const domain = {
    bridge: 'tsb-a',
    ranges: ['10.32.0.0/16' as Cidr, 'fd32::/48' as Cidr],
    open: false,
    exposed: false,
    masquerade: false,
    published: [],
  }
  const [four, six] = rangeElements(set, [domain])
  t.equal(four && elementText(four, set[4]), 'ip . 10.32.0.0/16')
  t.equal(six && elementText(six, set[6]), 'ip6 . fd32::/48')
  const end = Buffer.from(four?.end ?? '')
  end.writeUInt8(9, end.length - 1)
  t.equal(four && elementText({ ...four, end }, set[4]), 'ip . 10.32.0.0-10.32.255.9')
})

t.test('a type that is not known is shown as bytes', async (t) => {
  const key = Buffer.from([1, 2, 3, 4])
  t.equal(elementText({ key }, { type: 60, length: 4 }), '01020304')
})
