import t from 'tap'
import type { Ip } from '../../src/core/ip.js'
import type { Mac } from '../../src/core/mac.js'
import type { NeighbourPlan } from '../../src/core/plan.js'
import { Announcer, announcement } from '../../src/dataplane/announcements/announcer.js'

const [A, B] = ['02:42:0a:14:00:05', '02:42:c0:00:00:01'] as Mac[] as [Mac, Mac]
const IP = '10.20.0.5' as Ip
const entry = (mac: Mac, dev = 'vxlan0', ip = IP): NeighbourPlan => ({ dev, ip, mac })

async function told(announcer: Announcer): Promise<NeighbourPlan[]> {
  const list: NeighbourPlan[] = []
  await announcer.tell((one) => list.push(one))
  return list
}

t.test('an address that comes with another MAC than it went with is announced', async (t) => {
  const announcer = new Announcer()
  announcer.came(entry(A))
  t.same(await told(announcer), [], 'nobody can have another one')
  announcer.went(IP, A)
  announcer.came(entry(A))
  t.same(await told(announcer), [], 'it is the same')
  announcer.went(IP, A)
  announcer.came(entry(B))
  t.equal(announcer.isDue, true)
  t.same(await told(announcer), [entry(B)])
  t.same(await told(announcer), [], 'once')
})

t.test('between this host and others', async (t) => {
  const announcer = new Announcer()
  announcer.setResidents([entry(A, 'br0')])
  t.same(await told(announcer), [], 'what a former process left is not new')
  announcer.setResidents([entry(B, 'br0')])
  t.same(await told(announcer), [entry(B, 'br0')])
  announcer.setResidents([])
  announcer.came(entry(A))
  t.same(await told(announcer), [entry(A)])
  announcer.went(IP, A)
  announcer.setResidents([entry(B, 'br0')])
  t.same(await told(announcer), [entry(B, 'br0')])
})

t.test('what has gone long ago is forgotten', async (t) => {
  const announcer = new Announcer()
  announcer.went(IP, A)
  for (let n = 0; n < 5000; n += 1) announcer.went(`10.21.${n >> 8}.${n & 255}` as Ip, A)
  announcer.came(entry(B))
  announcer.came(entry(B, 'vxlan0', '10.21.19.7' as Ip))
  t.same(await told(announcer), [entry(B, 'vxlan0', '10.21.19.7' as Ip)])
})

t.test('a gratuitous ARP reply and an unsolicited advertisement', async (t) => {
  t.equal(
    announcement(IP, B).toString('hex'),
    `ffffffffffff0242c0000001080600010800060400020242c00000010a1400050242c00000010a140005`,
  )
  const six = announcement('fd00:20::5' as Ip, B)
  t.equal(six.length, 14 + 40 + 32)
  t.equal(six.subarray(0, 14).toString('hex'), '3333000000010242c000000186dd')
  t.equal(six.subarray(54, 56).toString('hex'), '8800')
  t.equal(
    six.subarray(58).toString('hex'),
    '20000000fd00002000000000000000000000000502010242c0000001',
  )
})
