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

/** What is between two devices, in either direction. */
const BETWEEN: Readonly<Record<string, string>> = {
  'container port': 'only rules of tc and chains at netdev hooks are between them',
  'port port': 'the bridge or rules of the host do not let them through',
  'port vxlan device': 'the bridge, the source check or the routes do not lead them through',
  'port underlay': 'the routes, or rules of the host at forward, do not let them through',
  'vxlan device underlay':
    'rules of the host, the admission of VXLAN packets, or rules at the device drop them',
}

const WIRE = {
  tunnel:
    'what is between the hosts (a firewall of the provider, a switch, a router) does not carry the UDP packets of the tunnel',
  bare: 'what is between the hosts does not carry packets from addresses of containers: it may check who sends, or a router is between',
} as const

export function judgeLive(counted: Counted): Judged {
  const { hops, sent, refused } = counted
  if (sent === 0) return notSent(counted)
  const answered = hops[0]?.answers ?? 0
  const resets = hops[0]?.resets ?? 0
  const partly = refused === undefined ? '' : `; others were not sent: ${refused}`
  if (answered >= sent && resets > 0) return closed(counted, resets)
  if (answered >= sent) {
    const says = `${ratio(sent, sent)} arrived, and as many answers came back${elsewhere(counted)}${partly}`
    return { verdict: 'ok', says, next: [] }
  }
  const there = lossIn(hops, (hop) => hop.heard, sent)
  if (there !== undefined) return lost(counted, there, false)
  const back = lossIn(hops.toReversed(), (hop) => hop.answers, sent)
  if (back !== undefined) return lost(counted, back, true)
  return lost(counted, { last: hops.at(-1), first: undefined, heard: 0 }, false)
}

interface Loss {
  /** that has heard all; undefined: nobody has */
  readonly last: LiveHop | undefined
  /** the next one that could listen; undefined: there is none */
  readonly first: LiveHop | undefined
  readonly heard: number
}

/** Behind the last one that has heard all; one before it that has not was just passed by. */
function lossIn(
  hops: readonly LiveHop[],
  count: (hop: LiveHop) => number | undefined,
  sent: number,
): Loss | undefined {
  const at = hops.findLastIndex((hop) => (count(hop) ?? 0) >= sent)
  const first = hops.slice(at + 1).find((hop) => count(hop) !== undefined)
  return first && { last: hops[at], first, heard: count(first) ?? 0 }
}

function lost(counted: Counted, { last, first, heard }: Loss, back: boolean): Judged {
  const { hops, sent, silent } = counted
  const what = back ? 'answers' : 'probes'
  const place = first === undefined ? undefined : { hop: hops.indexOf(first), back }
  const seen = last === undefined ? `no ${what} seen` : `${what} last seen at ${nameOf(last)}`
  const left = last === undefined ? '' : `: ${ratio(sent, sent)} left`
  const told = first === undefined ? '' : `, ${nameOf(first)} heard ${heard}`
  const why =
    first === undefined ? 'nobody behind it can tell' : whyLost(counted, last, first, back)
  const other = silent === undefined ? '' : ` (${silent})`
  return {
    ...(place === undefined ? {} : { lost: place }),
    verdict: 'failed',
    says: `${seen}${left}${told}: ${why}${other}`,
    next: nextOf(counted, last, first),
  }
}

function whyLost(
  { hops, protocol }: Counted,
  last: LiveHop | undefined,
  first: LiveHop,
  back: boolean,
): string {
  if (last === undefined && back)
    return protocol === 'tcp'
      ? 'the container does not answer: rules in its own namespace drop them, or its queue is full'
      : 'the container does not answer echo requests: rules in its own namespace, or its settings, forbid it'
  if (last === undefined)
    return 'the container itself does not send them: nobody says to have the next address (its neighbour), or rules in its own namespace drop them'
  if (last.hop === 'underlay' && first.hop === 'underlay')
    return hops.some(({ hop }) => hop === 'vxlan device') ? WIRE.tunnel : WIRE.bare
  const between = BETWEEN[`${last.hop} ${first.hop}`] ?? BETWEEN[`${first.hop} ${last.hop}`]
  return between ?? 'what is between them does not let them through'
}

/** First what names the cause; then what that does not look at. */
function nextOf(
  { hops, trace }: Counted,
  last: LiveHop | undefined,
  first: LiveHop | undefined,
): readonly Next[] {
  const isWire = last?.hop === 'underlay' && first?.hop === 'underlay'
  const isTunnelled = hops.some(({ hop }) => hop === 'vxlan device')
  if (isWire && isTunnelled && last !== undefined)
    return [{ host: last.host, command: 'tsoverlay doctor' }, trace]
  const around = [last, first].filter((hop) => hop !== undefined)
  const looks = isWire ? [] : around.map(({ host, look }) => ({ host, command: look }))
  return [trace, ...looks]
}

function notSent({ refused, trace }: Counted): Judged {
  const why = refused ?? 'nothing was sent'
  const cause =
    why === 'EPERM'
      ? 'rules in its own namespace drop them'
      : 'it has no route there, or nobody says to have the next address'
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
