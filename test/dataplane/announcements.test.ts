import t from 'tap'
import type { Ip } from '../../src/core/ip.js'
import { type Mac, macToBytes } from '../../src/core/mac.js'
import { decodeAnnouncement } from '../../src/dataplane/announcements/announcements.js'
import { announcement } from '../../src/dataplane/announcements/announcer.js'
import { attr, u32be } from '../../src/dataplane/rtnl/codec.js'

const MAC = '02:42:0a:48:00:02' as Mac
const PACKET = 4 << 8

/** A frame as nfnetlink_log hands it over: what is behind the Ethernet header, and the source. */
function logged(frame: Buffer, device = u32be(4, 7)): Buffer {
  const from = Buffer.from([0, 6, 0, 0, ...frame.subarray(6, 12), 0, 0])
  return Buffer.concat([
    Buffer.from([7, 0, 0, 1]),
    device,
    attr(8, from),
    attr(9, frame.subarray(14)),
  ])
}

const arp = () => announcement('10.72.0.100' as Ip, MAC)
const advertisement = () => announcement('fd72::100' as Ip, MAC)

t.test('gratuitous ARP and unsolicited advertisements are announcements', async (t) => {
  const heard = { ifindex: 7, ip: '10.72.0.100', mac: MAC }
  t.strictSame(decodeAnnouncement(PACKET, logged(arp())), heard)
  const request = arp()
  request[21] = 1
  t.strictSame(decodeAnnouncement(PACKET, logged(request)), heard, 'a request')
  t.match(decodeAnnouncement(PACKET, logged(advertisement())), { ip: 'fd72::100', mac: MAC })
  const bridged = Buffer.concat([u32be(4, 3), u32be(6, 7)])
  t.match(decodeAnnouncement(PACKET, logged(arp(), bridged)), { ifindex: 7 }, 'with br_netfilter')
})

t.test('the MAC is the one that is said', async (t) => {
  const other = '00:00:5e:00:01:33' as Mac
  for (const [frame, at] of [
    [arp(), 22],
    [advertisement(), 14 + 40 + 26],
  ] as const) {
    frame.set(macToBytes(other), at)
    t.match(decodeAnnouncement(PACKET, logged(frame)), { mac: other })
  }
})

t.test('who asks, answers or says half of it announces nothing', async (t) => {
  const asks = arp()
  asks[14 + 27] = 9
  t.equal(decodeAnnouncement(PACKET, logged(asks)), undefined, 'ARP for another address')
  const answers = advertisement()
  answers[14 + 40 + 4] = 0x60
  t.equal(decodeAnnouncement(PACKET, logged(answers)), undefined, 'a solicited advertisement')
  t.equal(decodeAnnouncement((10 << 8) | 15, logged(arp())), undefined, 'another message')
  for (const frame of [arp(), advertisement()]) {
    for (let length = 14; length < 14 + 24; length += 1) {
      t.equal(decodeAnnouncement(PACKET, logged(frame.subarray(0, length))), undefined)
    }
  }
})
