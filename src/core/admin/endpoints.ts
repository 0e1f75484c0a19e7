import { Type } from 'typebox'
import { type Report, text, texts } from './schema.js'

/** A container's attachment, in GET /endpoints. */
export const EndpointReport = Type.Object({
  id: text("Docker's id of the endpoint"),
  network: text("the network's key"),
  networkName: text("the network's name, else what ties the hosts' networks together"),
  host: text('id of its host'),
  hostName: text('name of its host'),
  name: text("its container's, as its host says it; empty where it does not, or not yet"),
  addresses: texts('with prefix length'),
  floating: texts('those that it has by announcing them'),
  mac: text('of its interface'),
})
export type EndpointReport = Report<typeof EndpointReport>
export const EndpointReports = Type.Array(EndpointReport)
