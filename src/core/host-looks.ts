/** What is to be known of a host's kernel beside what passes make there: for people, and read only. */
import type { Ip } from './ip.js'

/** A packet whose fate at this host's firewall is asked for: UDP, to or from a port of VXLAN. */
export interface TriedPacket {
  readonly way: 'in' | 'out'
  /** the device that it comes or goes by */
  readonly dev: string
  readonly from: Ip
  readonly to: Ip
  /** UDP destination port */
  readonly port: number
}

/** A base chain of nf_tables that refuses a packet for certain. */
export interface Refusal {
  /** as nft writes it: `inet filter` */
  readonly table: string
  readonly chain: string
  readonly packet: TriedPacket
}

export interface Checksums {
  /** packets of TCP and UDP that have come in */
  readonly received: number
  /** those whose checksum was wrong */
  readonly wrong: number
}

export interface HostLooks {
  /**
   * What this kernel cannot make of what networks are made of, tried in a namespace of its own that is
   * gone at once: what it is for → the errno's name.
   * @throws TsoverlayError KERNEL_FAILED
   */
  lacks(): Promise<ReadonlyMap<string, string>>
  /** Settings of the host's namespace (`net/ipv4/ip_forward`) that there are, with their values. */
  settings(names: readonly string[]): ReadonlyMap<string, string>
  /**
   * Which chains refuse which of the packets; those of legacy iptables are not seen.
   * @throws TsoverlayError KERNEL_FAILED
   */
  refusals(packets: readonly TriedPacket[]): Promise<readonly Refusal[]>
  /** Counters of a container's namespace by the name of its file; undefined: it cannot be read (now). */
  checksums(name: string): Checksums | undefined
}
