/** Routed networks in the host's own namespace: pure. */
import { contains, type Ip } from '../../../core/ip.js'
import type { RouteReading } from '../../../core/kernel.js'
import type { Surroundings } from '../../../core/path-facts.js'
import type { BridgeLink, RoutePlan } from '../../../core/plan.js'
import { type Finding, failed, ok } from '../finding.js'

/** Where packets to a container go. @param wanted the narrowest of the plan's routes that leads there */
export function judgeHostRoute(
  to: Ip,
  wanted: Pick<RoutePlan, 'to' | 'dev' | 'via'> | undefined,
  host: Surroundings,
): Finding {
  const subject = { hop: 'route', about: `${to} in the host's namespace` }
  if (wanted === undefined)
    return failed(subject, 'no host of the cluster has a block with this address')
  const found = host.routes.find((one) => one.to === to)
  const isRight = found?.kind === 'unicast' && found.dev === wanted.dev && found.via === wanted.via
  if (isRight) return ok(subject, wayText(wanted))
  const other = host.table.find(
    (route) => !route.planned && route.protocol !== 'kernel' && contains(route.to, to),
  )
  if (other !== undefined && isNarrower(other, wanted)) {
    const says = `the host's own route ${routeText(other)} comes before that of the network (${wayText(wanted)})`
    return failed(subject, says, `ip route del ${routeText(other)}`)
  }
  const seen =
    found === undefined || found.kind === 'none'
      ? 'there is no route'
      : `packets go by ${found.dev}`
  const put = `ip route replace ${wanted.to} ${wayText(wanted)} proto 116${wanted.via === undefined ? '' : ' onlink'}`
  return failed(subject, `${seen}, and should go ${wayText(wanted)}`, put)
}

function isNarrower(other: RouteReading, wanted: Pick<RoutePlan, 'to'>): boolean {
  return contains(wanted.to, other.to)
}

function wayText({ dev, via }: Pick<RoutePlan, 'dev' | 'via'>): string {
  return `${via === undefined ? '' : `via ${via} `}dev ${dev}`
}

function routeText({ to, dev, via, type, metric }: RouteReading): string {
  const kind = type === 'unicast' ? '' : `${type} `
  const way = dev === '' ? '' : ` ${wayText({ dev, ...(via === undefined ? {} : { via }) })}`
  return `${kind}${to}${way}${metric === undefined ? '' : ` metric ${metric}`}`
}

/** The network's bridge, which is the containers' way out. */
export function judgeGateway(bridge: BridgeLink, host: Surroundings): Finding {
  const subject = { hop: 'bridge', about: bridge.name }
  const found = host.links.find(({ name }) => name === bridge.name)
  if (found === undefined) return failed(subject, 'the bridge is not there')
  if (!found.up) return failed(subject, 'the bridge is down', `ip link set ${bridge.name} up`)
  const missing = bridge.addresses.find((address) => !found.addresses.includes(address))
  if (missing !== undefined) {
    const command = `ip addr add ${missing} dev ${bridge.name}`
    return failed(subject, `it has not the address ${missing}, which containers send to`, command)
  }
  return ok(subject, `up, ${bridge.addresses.join(', ')}`)
}

/** @param forwards as the kernel has it */
export function judgeForwarding(family: 4 | 6, forwards: boolean): Finding {
  const key = family === 4 ? 'net.ipv4.ip_forward' : 'net.ipv6.conf.all.forwarding'
  const subject = { hop: 'forwarding', about: key }
  if (forwards) return ok(subject, 'on')
  return failed(subject, 'this host does not forward packets', `sysctl -w ${key}=1`)
}
