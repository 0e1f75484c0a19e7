import { Type } from 'typebox'
import { count, type Report, text, texts, yesNo } from './schema.js'

const percent = (description: string) => Type.Number({ minimum: 0, maximum: 100, description })

/** A part of a pool that one host decides on. */
export const BlockReport = Type.Object({
  block: text('CIDR'),
  host: text('id of its host'),
  hostName: text('name of its host'),
  used: count('its addresses that containers have'),
  usedPercent: percent('of its addresses'),
})
export type BlockReport = Report<typeof BlockReport>

/** A subnet of the address plan, in GET /pools. */
export const PoolReport = Type.Object({
  pool: text('CIDR'),
  space: text('rendezvous name of its network; empty: the space that networks without one share'),
  networks: texts('names of the networks that have it'),
  routed: yesNo('its blocks are subnets of their own, to which the other hosts have routes'),
  addresses: Type.Number({ description: 'that it has for containers; of IPv6 a rounded number' }),
  used: count('that containers, gateways and auxiliary addresses have'),
  usedPercent: percent('of its addresses'),
  blockLength: count('prefix length of its blocks'),
  blocksTotal: Type.Number({ description: 'that it can be cut into' }),
  blocksPercent: percent('of them that hosts have'),
  blocks: Type.Array(BlockReport),
  holders: texts('names of the hosts whose dockerd has a network with it'),
  reserved: texts('gateways and auxiliary addresses'),
})
export type PoolReport = Report<typeof PoolReport>
export const PoolReports = Type.Array(PoolReport)
