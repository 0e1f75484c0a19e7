/** `-p` as dockerd hands it over: daemon/container_operations.go buildSandboxOptions. */
import type { PortWish } from '../core/driver.js'
import { TsoverlayError } from '../core/errors.js'
import { ipField } from './fields.js'
import type { PortBinding, ProgramExternalConnectivityRequest } from './network-schemas.js'
import { PORT_MAP } from './network-schemas.js'

/** IANA's numbers (moby daemon/libnetwork/types/types.go Protocol) */
const PROTOCOLS: ReadonlyMap<number, PortWish['protocol']> = new Map([
  [6, 'tcp'],
  [17, 'udp'],
  [132, 'sctp'],
])

/** @throws TsoverlayError REQUEST_INVALID naming the binding that makes no sense */
export function toPortWishes({ Options }: ProgramExternalConnectivityRequest): PortWish[] {
  return (Options?.[PORT_MAP] ?? []).map((binding, at) => toWish(`${PORT_MAP}[${at}]`, binding))
}

function toWish(name: string, binding: PortBinding): PortWish {
  const { Proto, Port, HostIP } = binding
  const protocol = PROTOCOLS.get(Proto)
  if (protocol === undefined)
    throw invalid(`${name}.Proto`, Proto, '6 (TCP), 17 (UDP) or 132 (SCTP)')
  const hostIp = ipField(`${name}.HostIP`, HostIP)
  const hostPorts = toRange(name, binding)
  return {
    protocol,
    port: Port,
    ...(hostIp === undefined ? {} : { hostIp }),
    ...(hostPorts === undefined ? {} : { hostPorts }),
  }
}

/** `-p 80`: 0 to 0; `-p 8080:80`: 8080 to 8080; `-p 8000-8010:80`: 8000 to 8010. */
function toRange(name: string, binding: PortBinding): PortWish['hostPorts'] {
  const { HostPort: first = 0, HostPortEnd: end = 0 } = binding
  if (first === 0 && end === 0) return undefined
  const last = end === 0 ? first : end
  if (first === 0) throw invalid(`${name}.HostPort`, first, `1 to ${last}, its HostPortEnd`)
  if (last < first) throw invalid(`${name}.HostPortEnd`, last, `${first}, its HostPort, to 65535`)
  return { first, last }
}

function invalid(name: string, value: number, allowed: string): TsoverlayError {
  return new TsoverlayError('REQUEST_INVALID', `${name} is ${value}, but must be ${allowed}`)
}
