import type { Ip } from './ip.js'

/** A port of a host, handed on to a container. */
export interface PublishedPort {
  readonly protocol: 'tcp' | 'udp' | 'sctp'
  /** absent: of all addresses of the host */
  readonly hostIp?: Ip
  readonly hostPort: number
  readonly to: Ip
  readonly port: number
}
