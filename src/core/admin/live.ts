import { Type } from 'typebox'
import { count, oneOf, type Report, text, yesNo } from './schema.js'
import { Mend } from './trace.js'

/** A device on the way of packets, and what was heard there. */
export const LiveHop = Type.Object({
  host: text('name of the host where it is'),
  hop: text('what it is: container, port, vxlan device or underlay'),
  about: text('name of the device, and whose it is'),
  heard: Type.Optional(count('probes that passed; absent: nobody could listen')),
  answers: Type.Optional(count('answers that passed')),
  resets: Type.Optional(count('answers that refuse the connection')),
  problem: Type.Optional(text('why nobody could listen')),
  way: oneOf(['in', 'out'], 'of probes, as the device sees them; answers go the other way'),
  look: Type.Object(
    { in: text('rules for what comes in'), out: text('rules for what goes out') },
    {
      description:
        'commands for a shell of root: they show rules at the device (tc, netdev hooks), which GET /trace does not look at',
    },
  ),
})
export type LiveHop = Report<typeof LiveHop>

/** In GET /trace/live: probes that were sent, and where they and their answers were heard. */
export const LiveReport = Type.Object({
  from: text('the container, and its address'),
  to: text('what was asked for, and its address'),
  protocol: oneOf(['icmp', 'tcp'], 'echo requests, or first packets of connections'),
  port: Type.Optional(count('of TCP')),
  sent: count('probes that the container has sent'),
  answered: count('answers that have come back to it'),
  hops: Type.Array(LiveHop, { description: 'in the order in which a probe meets them' }),
  lost: Type.Optional(
    Type.Object(
      {
        hop: count('place in hops, from 0'),
        back: yesNo('it is the answers that are lost'),
      },
      {
        description:
          'the first hop that has not heard them all; absent: none is lost, or nobody listens there',
      },
    ),
  ),
  verdict: oneOf(['ok', 'failed'], 'failed: probes or answers are lost, or the port refuses them'),
  says: text('where they were seen last, and what that means'),
  next: Type.Array(Mend, { description: 'what to type next, and where' }),
})
export type LiveReport = Report<typeof LiveReport>
