import { Type } from 'typebox'
import { count, type Report, text } from './schema.js'

const EndpointTraffic = Type.Object({
  endpoint: text("Docker's id of it"),
  network: text("the network's key"),
  received: count('bytes that its container has received, since it is attached'),
  sent: count('bytes that its container has sent'),
})
export type EndpointTraffic = Report<typeof EndpointTraffic>

/** What one host's containers have received and sent by our networks, in GET /traffic. */
export const TrafficReport = Type.Object({
  at: Type.Number({
    description:
      'when it was read: milliseconds of a clock of that host, which begins anew with its plugin and never goes back; two readings give a rate',
  }),
  endpoints: Type.Array(EndpointTraffic, {
    description: 'of that host; one whose port was not found is left out',
  }),
})
export type TrafficReport = Report<typeof TrafficReport>
