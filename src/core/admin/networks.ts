import { Type } from 'typebox'
import { count, type Report, text, texts, yesNo } from './schema.js'

/** A network of the cluster, in GET /networks. */
export const NetworkReport = Type.Object({
  key: text("the network's key in the store"),
  identity: text("what ties the hosts' networks together"),
  name: text('its name in docker; empty where network sync has not published it'),
  backend: text('how its packets travel'),
  internal: yesNo('made with --internal'),
  vnis: Type.Array(Type.Integer(), { description: 'one per segment' }),
  subnets: texts('its pools'),
  hosts: texts('names of the hosts that have it'),
  endpoints: count("containers' attachments on all hosts"),
  leaving: yesNo('a user has removed it, and not all hosts have done so yet'),
  troubles: Type.Array(Type.Object({ host: Type.String(), problem: Type.String() }), {
    description: 'hosts that cannot have it as it should be',
  }),
})
export type NetworkReport = Report<typeof NetworkReport>
export const NetworkReports = Type.Array(NetworkReport)
