/**
 * Packets of our own that are sent to another host as a container's are, in VXLAN, to see whether they
 * arrive. docs/design/explain.md tells how.
 */
import type { Ip } from './ip.js'

export interface Probe {
  /** `answer`: sent back by whom the `ask` has reached, with its mark */
  readonly kind: 'ask' | 'answer'
  /** 16 hexadecimal digits, chosen at random by who asks */
  readonly mark: string
  /** of the network's segment */
  readonly vni: number
  /** VTEP of who sends it, where an answer goes */
  readonly from: Ip
  /** of the inner packet, as an MTU counts: without its Ethernet header */
  readonly size: number
}

/** The least that a probe takes. */
export const SMALL_PROBE = 64

/** Where a probe is sent. */
export interface ProbeTarget {
  readonly vtep: Ip
  /** UDP port of VXLAN */
  readonly port: number
}
