import { Type } from 'typebox'
import { count, type Report, text, yesNo } from './schema.js'

/** A host of the cluster, in GET /hosts. */
export const HostReport = Type.Object({
  id: text('stable id of the host'),
  name: text('empty where only leftovers of it are in the store'),
  vtep: text('its underlay address; empty where it is not known'),
  alive: yesNo('its plugin runs and reaches the store, or did so in the last 15 s'),
  self: yesNo('the host that was asked'),
  networks: count('networks that it has'),
  endpoints: count("its containers' attachments"),
  blocks: count('blocks of addresses that it decides on'),
})
export type HostReport = Report<typeof HostReport>
export const HostReports = Type.Array(HostReport)
