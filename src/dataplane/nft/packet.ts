/** A packet of which some fields are known. */

/** The first packet of a connection, to an address that nobody has changed. */
export interface Packet {
  /** names of devices; without the second it is for this host */
  readonly from: string
  readonly to?: string
  /** 4 or 16 bytes */
  readonly source: Uint8Array
  readonly destination: Uint8Array
  /** IPPROTO_… */
  readonly protocol: number
  /** destination port; absent: any */
  readonly port?: number
}

/** undefined: it cannot be told */
export type Truth = boolean | undefined
