/** A plan for people: a line per object, in its order. */
import {
  type Domain,
  HOST,
  type LinkPlan,
  type Plan,
  type RoutePlan,
  type StrangersPlan,
  type VxlanLink,
} from '../../src/core/plan.js'

export function planText(plan: Plan): string {
  const place = plan.place === HOST ? 'host' : `sandbox ${plan.place}`
  return [
    `${place}${plan.partial === true ? ' (partial)' : ''}`,
    ...plan.links.map((link) => `  ${linkText(link)}`),
    ...[...plan.neighbours].map(({ dev, ip, mac }) => `  neighbour ${dev} ${ip} ${mac}`),
    ...[...plan.fdb].map(({ dev, mac, vtep }) => `  fdb ${dev} ${mac} dst ${vtep}`),
    ...[...(plan.routes ?? [])].map((route) => `  ${routeText(route)}`),
    ...[...(plan.proxies ?? [])].map(({ dev, ip }) => `  proxy ${dev} ${ip}`),
    ...(plan.sources ?? []).map(({ dev, mac, ips }) => `  source ${dev} ${mac} ${ips.join(' ')}`),
    ...(plan.domains ?? []).flatMap((domain) => domainLines(domain).map((line) => `  ${line}`)),
    ...(plan.trunk === undefined ? [] : [`  trunk ${plan.trunk}`]),
    ...(plan.strangers === undefined ? [] : [`  ${strangersText(plan.strangers)}`]),
  ].join('\n')
}

function linkText(link: LinkPlan): string {
  const head = `${link.kind} ${link.name} mtu ${link.mtu}`
  if (link.kind === 'bridge') return [head, ...link.addresses].join(' ')
  if (link.kind === 'veth')
    return `${head} master ${link.master} peer ${link.peer.name} ${link.peer.mac}`
  return link.master === undefined ? tunnelText(head, link) : portText(head, link)
}

function portText(head: string, { master, vni, local, port }: VxlanLink): string {
  return `${head} master ${master} vni ${vni} local ${local} port ${port}`
}

/** One that packets are routed to. */
function tunnelText(head: string, { mac, vni, local, port, addresses = [] }: VxlanLink): string {
  const own = mac === undefined ? [] : [`mac ${mac}`]
  return [head, ...own, `vni ${vni} local ${local} port ${port}`, ...addresses].join(' ')
}

/** As `ip route` says it. */
function routeText({ to, dev, via, onlink, source, metric }: RoutePlan): string {
  return [
    dev === '' ? 'blackhole' : 'route',
    to,
    ...(via === undefined ? [] : [`via ${via}`]),
    ...(dev === '' ? [] : [`dev ${dev}`]),
    ...(source === undefined ? [] : [`src ${source}`]),
    ...(metric === undefined ? [] : [`metric ${metric}`]),
    ...(onlink === undefined ? [] : ['onlink']),
  ].join(' ')
}

function domainLines(domain: Domain): readonly string[] {
  const { bridge, ranges, open, exposed, masquerade, published } = domain
  const manner = [open ? 'open' : 'closed', exposed ? 'exposed' : 'hidden']
  return [
    ['domain', bridge, ...ranges, ...manner, ...(masquerade ? ['masquerade'] : [])].join(' '),
    ...published.map(
      ({ protocol, hostIp, hostPort, to, port }) =>
        `  publish ${protocol} ${hostIp ?? '*'}:${hostPort} to ${to}:${port}`,
    ),
  ]
}

function strangersText({ port, vnis, vteps, partial, create }: StrangersPlan): string {
  const how = [...(partial ? ['partial'] : []), ...(create ? [] : ['if there'])]
  return ['strangers port', port, 'vnis', ...vnis, 'vteps', ...vteps, ...how].join(' ')
}
