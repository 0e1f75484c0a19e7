import fc from 'fast-check'
import t from 'tap'
import type { Ip } from '../../src/core/ip.js'
import { macFromBytes, macFromIp, macToBytes, parseMac } from '../../src/core/mac.js'

t.test('a unicast address is kept in lower case', async (t) => {
  t.equal(parseMac('02:42:0A:14:00:05'), '02:42:0a:14:00:05')
  t.equal(parseMac('fe:ff:ff:ff:ff:ff'), 'fe:ff:ff:ff:ff:ff')
})

t.test('multicast, broadcast, zero and malformed ones are undefined', async (t) => {
  const bad = ['01:00:5e:00:00:01', '33:33:00:00:00:01', 'ff:ff:ff:ff:ff:ff', '00:00:00:00:00:00']
  bad.push('', '02:42:0a:14:00', '02:42:0a:14:00:05:06', '02-42-0a-14-00-05', '02420a140005')
  bad.push('02:42:0a:14:00:5', ' 02:42:0a:14:00:05', '02:42:0a:14:00:0g', '02:42:0a:14:00:05\n')
  for (const text of bad) t.equal(parseMac(text), undefined, JSON.stringify(text))
})

t.test('text and bytes are one', async () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 6, maxLength: 6 }), (bytes) => {
      const text = macFromBytes(bytes)
      const unicast = ((bytes[0] ?? 0) & 1) === 0 && bytes.some((byte) => byte !== 0)
      return (
        Buffer.from(macToBytes(text)).equals(Buffer.from(bytes)) &&
        parseMac(text) === (unicast ? text : undefined)
      )
    }),
  )
})

t.test('the MAC of an address is the one that Docker would choose', async (t) => {
  t.equal(macFromIp('10.20.0.5' as Ip), '02:42:0a:14:00:05')
  t.equal(macFromIp('255.255.255.254' as Ip), '02:42:ff:ff:ff:fe')
  t.equal(macFromIp('fd00::1:2:304' as Ip), '02:42:00:02:03:04')
})
