/** Where probes, or their answers, were seen last, and what that means: pure. */
import type { LiveHop, LiveReport } from '../../../core/admin/live.js'

export interface Counted {
  readonly hops: readonly LiveHop[]
  /** probes; those that the container's kernel did not refuse */
  readonly sent: number
  /** the name of an errno: what the container's kernel said to others */
  readonly refused?: string
  readonly protocol: 'icmp' | 'tcp'
  readonly port?: number
  /** why the other host does not tell what it has heard */
  readonly silent?: string
  /** what is typed for a plain trace, and on which host */
  readonly trace: Next
}

type Next = LiveReport['next'][number]
type Judged = Pick<LiveReport, 'lost' | 'verdict' | 'says' | 'next'>

const PAIR = 'they are the two ends of one cable (a veth pair): the other end is down, or not there'
const FORWARD =
  'the routes of the host do not lead them there, or its rules (forward) or rules at the devices drop them'
/** What is between two devices, as packets go. */
const BETWEEN: Readonly<Record<string, string>> = {
  'container port': PAIR,
  'port container': PAIR,
  'port port': "the bridge, the source check, or rules at the ports' devices drop them",
  'port vxlan device':
    'the bridge does not lead them there, or the source check or rules at the devices drop them',
  'vxlan device port':
    'the bridge does not lead them to the port, or rules at the devices drop them',
  'port underlay': FORWARD,
  'underlay port': FORWARD,
  'vxlan device underlay':
    'rules of the host (output) or at the device drop them, or it does not find the other host: no entry in the FDB, no route, nobody answers for its address',
  'underlay vxlan device':
    'rules of the host (input) or at the device drop them, or VXLAN packets of that host and VNI are not admitted',
}

const WIRE = {
  tunnel:
    'what is between the hosts (a firewall of the provider, a switch, a router) does not carry the UDP packets of the tunnel',
  bare: 'what is between the hosts does not carry packets from addresses of containers: it may check who sends, or a router is between',
} as const

export function judgeLive(counted: Counted): Judged {
  const { hops, sent, refused, silent } = counted
  if (sent === 0) return notSent(counted)
  const answered = hops[0]?.answers ?? 0
  const resets = hops[0]?.resets ?? 0
  const partly = refused === undefined ? '' : `; others were not sent: ${refused}`
  if (answered >= sent && resets > 0) return closed(counted, resets)
  if (answered >= sent) {
    const says = `${ratio(sent, sent)} arrived, and as many answers came back${elsewhere(counted)}${partly}`
    return { verdict: 'ok', says, next: [] }
  }
  const there = lossIn(hops, false, sent)
  if (there !== undefined) return lost(counted, there)
  if (silent !== undefined && (hops.at(-1)?.answers ?? 0) < sent) return untold(counted, silent)
  const back = lossIn(hops.toReversed(), true, sent)
  return back === undefined ? untold(counted, 'nobody could listen') : lost(counted, back)
}

/** All have left this host, answers are missing, and what is behind it is not known. */
function untold({ hops, sent, trace }: Counted, why: string): Judged {
  const last = hops.findLast(({ heard }) => heard !== undefined)
  const where = last === undefined ? '' : ` at ${nameOf(last)}`
  const says = `probes last seen${where}: ${ratio(sent, sent)} left, and ${last?.answers ?? 0} answers came back; what is behind it is not told: ${why}`
  const self = last === undefined ? [] : [{ host: last.host, command: 'tsoverlay doctor' }]
  return { verdict: 'failed', says, next: [trace, ...self] }
}

interface Loss {
  /** of answers */
  readonly back: boolean
  /** that has heard all; undefined: nobody has */
  readonly last: LiveHop | undefined
  /** the next one that could listen */
  readonly first: LiveHop
  readonly heard: number
}

/**
 * Behind the last one that has heard all; one before it that has not was just passed by.
 * @param hops as the packets meet them
 */
function lossIn(hops: readonly LiveHop[], back: boolean, sent: number): Loss | undefined {
  const count = (hop: LiveHop): number | undefined => (back ? hop.answers : hop.heard)
  const at = hops.findLastIndex((hop) => (count(hop) ?? 0) >= sent)
  const first = hops.slice(at + 1).find((hop) => count(hop) !== undefined)
  return first && { back, last: hops[at], first, heard: count(first) ?? 0 }
}

function lost(counted: Counted, loss: Loss): Judged {
  const { hops, sent, silent } = counted
  const { back, last, first, heard } = loss
  const what = back ? 'answers' : 'probes'
  const none = heard === 0 ? `no ${what} seen` : `not all ${what} seen anywhere`
  const seen = last === undefined ? none : `${what} last seen at ${nameOf(last)}`
  const left = last === undefined ? '' : `: ${ratio(sent, sent)} left`
  const other = silent === undefined ? '' : ` (${silent})`
  return {
    lost: { hop: hops.indexOf(first), back },
    verdict: 'failed',
    says: `${seen}${left}, ${nameOf(first)} heard ${heard}: ${whyLost(counted, loss)}${other}`,
    next: nextOf(counted, loss),
  }
}

function whyLost({ hops, protocol }: Counted, { last, first, back }: Loss): string {
  if (last === undefined && back)
    return protocol === 'tcp'
      ? 'the container does not answer: rules in its own namespace drop them, or its queue is full'
      : 'the container does not answer echo requests: rules in its own namespace, or its settings, forbid it'
  if (last === undefined)
    return 'the container itself does not send them: nobody answers for the address that it sends to (its neighbour), or its interface is down, or rules in its own namespace drop them'
  if (last.hop === 'underlay' && first.hop === 'underlay')
    return hops.some(({ hop }) => hop === 'vxlan device') ? WIRE.tunnel : WIRE.bare
  return BETWEEN[`${last.hop} ${first.hop}`] ?? 'what is between them does not let them through'
}

/** First what names the cause; then what that does not look at. */
function nextOf({ hops, trace }: Counted, { last, first, back }: Loss): readonly Next[] {
  const isWire = last?.hop === 'underlay' && first.hop === 'underlay'
  const isTunnelled = hops.some(({ hop }) => hop === 'vxlan device')
  if (isWire && isTunnelled && last !== undefined)
    return [{ host: last.host, command: 'tsoverlay doctor' }, trace]
  // Rules at a device are behind the ear of what comes in, and before that of what goes out.
  const isIn = ({ way }: LiveHop): boolean => (way === 'in') !== back
  const isMute = last === undefined && back
  return [
    trace,
    ...(isMute ? [{ host: first.host, command: first.look.in }] : []),
    ...(last !== undefined && isIn(last) ? [{ host: last.host, command: last.look.in }] : []),
    ...(isIn(first) ? [] : [{ host: first.host, command: first.look.out }]),
  ]
}

function notSent({ refused, trace }: Counted): Judged {
  const why = refused ?? 'nothing was sent'
  const cause =
    why === 'EPERM'
      ? 'rules in its own namespace drop them'
      : 'it has no route there, or nobody answers for the address that it sends to'
  return {
    lost: { hop: 0, back: false },
    verdict: 'failed',
    says: `the container's kernel refuses to send (${why}): ${cause}`,
    next: [trace],
  }
}

function closed({ sent, port, trace }: Counted, resets: number): Judged {
  const says = `${ratio(sent, sent)} arrived, and ${resets} were refused: nothing listens on port ${port ?? 0} of TCP there, or a rule rejects it`
  return { verdict: 'failed', says, next: [trace] }
}

/** All is well, though not everybody on the way has seen it. */
function elsewhere({ hops, sent, silent }: Counted): string {
  if (silent !== undefined) return `; ${silent}`
  const passed = hops.filter(({ heard }) => heard !== undefined && heard < sent)
  if (passed.length === 0) return ''
  return `, some of them by another way than ${passed.map(nameOf).join(', ')}`
}

function nameOf({ host, hop, about }: LiveHop): string {
  return hop === 'container' ? `${host} ${about}` : `${host} ${hop} ${about}`
}

function ratio(some: number, all: number): string {
  return `${some} of ${all}`
}
