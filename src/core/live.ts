/**
 * Packets of our own on a container's own way, and ears along it that hear them and no others.
 * docs/design/explain.md tells how.
 */
import type { Ip } from './ip.js'
import type { Place } from './plan.js'

/** What is sent: probes that differ in their number only. */
export interface Flow {
  readonly from: Ip
  readonly to: Ip
  /** echo requests (ICMP, ICMPv6), or the first packet of a connection */
  readonly protocol: 'icmp' | 'tcp'
  /** of TCP: where they are sent */
  readonly port?: number
  /** 16 hexadecimal digits, random but for PROBE_NUMBERS */
  readonly mark: string
}

/** So many probes fit behind a mark. */
export const MOST_PROBES = 20
/** The last bits of a mark, which are a probe's number. */
export const PROBE_NUMBERS = 0x1f

/** In which VXLAN packets the flow is on the underlay. */
export interface Wrapping {
  readonly vni: number
  /** UDP port */
  readonly port: number
  /** of the VTEPs */
  readonly family: 4 | 6
}

/** Where something is heard. */
export interface Ear {
  /** HOST, or the file name of a sandbox or of a container's namespace */
  readonly where: Place
  readonly dev: string
  /** as the device sees it */
  readonly way: 'in' | 'out'
  /** absent: bare packets */
  readonly wrapping?: Wrapping
}

/** What has been heard so far, each probe once. */
export interface Heard {
  readonly packets: number
  /** those that refuse a connection (RST) */
  readonly resets: number
}

export interface OpenEar {
  heard(): Heard
  close(): void
}

export interface OpenSender {
  /** @returns the name of an errno if the container's kernel does not send it */
  send(number: number): string | undefined
  close(): void
}

export interface LivePackets {
  /**
   * Hears the probes of a flow at a device, or their answers. Nothing else is copied, and what is heard
   * is kept by the kernel until somebody asks.
   * @returns the name of an errno: ENODEV, ENOENT where there is no such namespace
   */
  hear(flow: Flow, what: 'probes' | 'answers', ear: Ear): OpenEar | string
  /**
   * Sends from inside of a namespace, as a program in the container does.
   * @param most probes that will be sent, MOST_PROBES at most
   * @returns the name of an errno
   */
  sender(flow: Flow, where: Place, most: number): OpenSender | string
}
