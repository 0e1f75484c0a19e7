/** What connects a machine to the lab's segments. */
import {
  address6Of,
  addressOf,
  bridgeOf,
  gateway6Of,
  gatewayOf,
  linkOf,
  routerLinkOf,
} from './names.js'
import type { MachineSpec } from './spec.js'

export interface Cable {
  readonly bridge: string
  /** The bridge's end. */
  readonly link: string
  /** The machine's end. */
  readonly device: string
  /** Of the router's ends: hosts know its MAC still when it has been off. */
  readonly mac?: string
  /** With prefix lengths. */
  readonly addresses: readonly string[]
  /** Gateways of default routes. */
  readonly gateways: readonly string[]
}

type Wiring = Pick<MachineSpec, 'kind' | 'index' | 'segments' | 'routed'>

/** One for each segment of the machine: eth0 leads to the first, eth1 to the next. */
export function cablesOf({ kind, index, segments, routed }: Wiring): Cable[] {
  return segments.map((segment, at) => ({
    bridge: bridgeOf(segment),
    link: kind === 'router' ? routerLinkOf(segment) : linkOf(index),
    device: `eth${at}`,
    addresses: [`${addressOf(index, segment)}/24`, `${address6Of(index, segment)}/64`],
    ...(kind === 'router'
      ? { mac: `02:1a:b0:00:00:0${segment}`, gateways: [] }
      : { gateways: gatewaysOf(segment, routed) }),
  }))
}

/** Without a router the machine that runs the lab is the gateway, for IPv4 only. */
const gatewaysOf = (segment: number, routed: boolean): string[] =>
  routed ? [gatewayOf(segment), gateway6Of(segment)] : [gatewayOf(segment)]
