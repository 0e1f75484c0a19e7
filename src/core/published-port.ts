import { familyOf, type Ip } from './ip.js'

export type PortProtocol = 'tcp' | 'udp' | 'sctp'

/** A port of a host, handed on to a container. */
export interface PublishedPort {
  readonly protocol: PortProtocol
  /** absent: of all addresses of the host */
  readonly hostIp?: Ip
  readonly hostPort: number
  readonly to: Ip
  readonly port: number
}

/** What a port of all addresses is bound to. */
export const ANY_ADDRESS = { 4: '0.0.0.0' as Ip, 6: '::' as Ip } as const

/** For people, nearly as `docker ps` has it: `0.0.0.0:8080->10.20.1.5:80/tcp`. */
export function portText({ protocol, hostIp, hostPort, to, port }: PublishedPort): string {
  const from = hostIp ?? ANY_ADDRESS[familyOf(to)]
  return `${inBrackets(from)}:${hostPort}->${inBrackets(to)}:${port}/${protocol}`
}

/** An address before a colon. */
export function inBrackets(ip: Ip): string {
  return familyOf(ip) === 6 ? `[${ip}]` : ip
}
