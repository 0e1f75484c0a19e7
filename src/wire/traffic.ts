import { trafficOf } from '../control/operator/traffic.js'
import type { TrafficReport } from '../core/admin/traffic.js'
import type { Control } from './control.js'
import type { WireOptions } from './options.js'
import type { State } from './state.js'

/** @param host its id; unless told, this host's @throws TsoverlayError as Inquiries.ask */
export type AskTraffic = (host: string | undefined) => Promise<TrafficReport>

/** What reads the counters of containers' ports, for people of this host and for other hosts that ask. */
export function wireTraffic(
  { dataplane }: WireOptions,
  { journal, identity }: State,
  { inquiries }: Control,
): AskTraffic {
  inquiries.on('traffic', () => trafficOf(journal, dataplane))
  return (host = identity.id) => inquiries.ask(host, 'traffic', {})
}
