/** Where packets were seen last, and what is said of it. */
import t from 'tap'
import { type Counted, judgeLive } from '../../../src/control/trace/live/judge-live.js'
import type { LiveHop } from '../../../src/core/admin/live.js'

type Row = readonly [host: string, hop: string, about: string, way: 'in' | 'out']
const TUNNELLED: readonly Row[] = [
  ['h1', 'container', 'eth0 of web', 'out'],
  ['h1', 'port', 'veth1', 'in'],
  ['h1', 'vxlan device', 'vxlan0', 'out'],
  ['h1', 'underlay', 'eth0', 'out'],
  ['h2', 'underlay', 'eth0', 'in'],
  ['h2', 'vxlan device', 'vxlan0', 'in'],
  ['h2', 'port', 'veth2', 'out'],
  ['h2', 'container', 'eth0 of db', 'in'],
]
const BARE = TUNNELLED.filter(([, hop]) => hop !== 'vxlan device')
const TRACE = { host: 'h1', command: 'tsoverlay trace web db' }

/** The first of them have heard all, the others only so many; answers as if they were heard from behind. */
function counted(
  rows: readonly Row[],
  { there = rows.length, back = rows.length, rest = 0 },
  more: Partial<Counted> = {},
): Counted {
  const hops = rows.map(([host, hop, about, way], at): LiveHop => {
    const answers = rows.length - at <= back ? 5 : rest
    const look = { in: `look in ${about}`, out: `look out ${about}` }
    return { host, hop, about, way, heard: at < there ? 5 : rest, answers, look }
  })
  return { hops, sent: 5, protocol: 'icmp', trace: TRACE, ...more }
}

const commandsOf = ({ next }: ReturnType<typeof judgeLive>): readonly string[] =>
  next.map(({ host, command }) => `${host}: ${command}`)

t.test('all is well', async (t) => {
  const well = judgeLive(counted(TUNNELLED, {}))
  t.same(well, { verdict: 'ok', says: '5 of 5 arrived, and as many answers came back', next: [] })
  const aside = counted(TUNNELLED, {})
  const hops = aside.hops.map((hop, at) => (at === 4 ? { ...hop, heard: 0 } : hop))
  const other = judgeLive({ ...aside, hops })
  t.equal(other.verdict, 'ok', 'no alarm where packets just go another way')
  t.match(other.says, /by another way than h2 underlay eth0/)
})

t.test('probes are lost behind each hop', async (t) => {
  const says = [
    /^no probes seen, h1 eth0 of web heard 0: the container itself does not send them/,
    /^probes last seen at h1 eth0 of web: 5 of 5 left, h1 port veth1 heard 0: .*veth pair/,
    /^probes last seen at h1 port veth1: .*h1 vxlan device vxlan0 heard 0: .*source check/,
    /^probes last seen at h1 vxlan device vxlan0: .*h1 underlay eth0 heard 0: .*\(output\)/,
    /^probes last seen at h1 underlay eth0: .*h2 underlay eth0 heard 0: .*UDP packets of the tunnel/,
    /^probes last seen at h2 underlay eth0: .*h2 vxlan device vxlan0 heard 0: .*\(input\)/,
    /^probes last seen at h2 vxlan device vxlan0: .*h2 port veth2 heard 0: the bridge/,
    /^probes last seen at h2 port veth2: .*h2 eth0 of db heard 0: .*veth pair/,
  ]
  for (const [at, wanted] of says.entries()) {
    const judged = judgeLive(counted(TUNNELLED, { there: at, back: 0 }))
    t.match(judged.says, wanted)
    t.same(judged.lost, { hop: at, back: false })
    t.equal(judged.verdict, 'failed')
  }
})

t.test('what is to be typed next', async (t) => {
  const at = (there: number, rows = TUNNELLED) =>
    commandsOf(judgeLive(counted(rows, { there, back: 0 })))
  const first = 'h1: tsoverlay trace web db'
  t.same(at(2), [first, 'h1: look in veth1', 'h1: look out vxlan0'])
  t.same(at(3), [first, 'h1: look out eth0'], 'where it went out before there is no more to see')
  t.same(at(4), ['h1: tsoverlay doctor', first], 'the wire')
  t.same(at(3, BARE), [first], 'a wire without a tunnel: doctor has no probes for it')
  t.same(at(5), [first, 'h2: look in eth0'])
  const answers = judgeLive(counted(TUNNELLED, { back: 5 }))
  t.match(answers.says, /^answers last seen at h1 underlay eth0: .*h1 vxlan device vxlan0 heard 0/)
  t.same(answers.lost, { hop: 2, back: true })
  t.same(commandsOf(answers), [first, 'h1: look in eth0'])
})

t.test('without a tunnel', async (t) => {
  t.match(judgeLive(counted(BARE, { there: 3, back: 0 })).says, /from addresses of containers/)
  t.match(judgeLive(counted(BARE, { there: 2, back: 0 })).says, /routes of the host/)
})

t.test('some are lost', async (t) => {
  const some = judgeLive(counted(TUNNELLED, { there: 5, back: 0, rest: 2 }))
  t.match(some.says, /last seen at h2 underlay eth0: 5 of 5 left, h2 vxlan device vxlan0 heard 2/)
})

t.test('who is sent to does not answer', async (t) => {
  const mute = judgeLive(counted(TUNNELLED, { back: 0 }))
  t.match(mute.says, /^no answers seen, h2 eth0 of db heard 0: .*does not answer echo requests/)
  t.same(mute.lost, { hop: 7, back: true })
  const port = judgeLive(counted(TUNNELLED, { back: 0 }, { protocol: 'tcp', port: 80 }))
  t.match(port.says, /the container does not answer: rules/)
})

t.test('a port is closed', async (t) => {
  const open = counted(TUNNELLED, {}, { protocol: 'tcp', port: 80 })
  const hops = open.hops.map((hop) => ({ ...hop, resets: 5 }))
  const judged = judgeLive({ ...open, hops })
  t.equal(judged.verdict, 'failed')
  t.equal(judged.lost, undefined, 'none is lost')
  t.match(judged.says, /5 were refused: nothing listens on port 80/)
})

t.test('nothing is sent', async (t) => {
  const of = (refused: string) => judgeLive(counted(TUNNELLED, {}, { sent: 0, refused }))
  t.match(of('EPERM').says, /\(EPERM\): rules in its own namespace/)
  t.match(of('ENETUNREACH').says, /no route/)
  t.equal(of('EPERM').verdict, 'failed')
})

t.test('the other host does not tell', async (t) => {
  const silent = 'version 1.0.0 of the plugin does not know "overhear"'
  const own = TUNNELLED.slice(0, 4)
  const well = judgeLive(counted(own, {}, { silent }))
  t.equal(well.verdict, 'ok')
  t.match(well.says, /answers came back; version 1\.0\.0/)
  const lost = judgeLive(counted(own, { back: 0 }, { silent }))
  t.equal(lost.verdict, 'failed')
  t.match(lost.says, /last seen at h1 underlay eth0: 5 of 5 left, and 0 answers came back.*1\.0\.0/)
  t.same(commandsOf(lost), ['h1: tsoverlay trace web db', 'h1: tsoverlay doctor'])
  const here = judgeLive(counted(own, { there: 2, back: 0 }, { silent }))
  t.match(here.says, /last seen at h1 port veth1/, 'what is lost here is known all the same')
})
