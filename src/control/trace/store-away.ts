/** The store does not answer: what of this host's own rules keeps it away, and how to ask it by hand. */
import { type Ip, parseIp } from '../../core/ip.js'
import type { TriedPacket } from '../../core/path-facts.js'
import { HOST } from '../../core/plan.js'
import { type Finding, failed } from './finding.js'
import { judgeRules } from './judge/firewall.js'
import type { TraceParts } from './parts.js'

const DEFAULT_PORTS: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443 }

/** Rules of others that refuse what is sent to the store come first: they are the cause. Never fails. */
export async function storeAway(
  parts: Pick<TraceParts, 'dataplane' | 'endpoints'>,
): Promise<readonly Finding[]> {
  const refused = (await rulesTo(parts)).filter(({ verdict }) => verdict === 'failed')
  return [...refused, judgeStoreAway(parts.endpoints)]
}

/** @param endpoints URLs of etcd; none: it is the plugin's own */
export function judgeStoreAway(endpoints: readonly string[]): Finding {
  const where = endpoints.length === 0 ? 'of the plugin itself' : `at ${endpoints.join(', ')}`
  const says = `etcd ${where} does not answer this host: what others have changed since then is not known here, and the other host cannot be asked. Start it where it runs, or mend the way there; the command tells whether it is reached`
  const command = endpoints.map(reached).join('; ')
  return failed(
    { hop: 'store', about: 'etcd' },
    says,
    command === '' ? 'tsoverlay status' : command,
  )
}

/** By bash alone: hosts need not have curl. */
function reached(endpoint: string): string {
  const { host, port } = partsOf(endpoint)
  const file = `/dev/tcp/${host}/${port}`
  return `timeout 3 bash -c '<${file}' && echo ${host} is reached`
}

async function rulesTo({
  dataplane,
  endpoints,
}: Pick<TraceParts, 'dataplane' | 'endpoints'>): Promise<readonly Finding[]> {
  const ends = endpoints.flatMap((endpoint) => endOf(endpoint) ?? [])
  if (ends.length === 0) return []
  const host = await dataplane.path.surroundings(HOST, { ips: ends.map(({ ip }) => ip) })
  const packets = ends.flatMap(({ ip, port }): TriedPacket[] => {
    const route = host?.routes.find(({ to, kind }) => to === ip && kind === 'unicast')
    if (route?.source === undefined) return []
    const way = { hook: 'output', from: '', to: route.dev } as const
    return [{ ...way, source: route.source, destination: ip, protocol: 'tcp', port }]
  })
  if (packets.length === 0) return []
  const facts = await dataplane.path.tried(packets)
  return packets.map((packet, at) => judgeRules(packet, facts[at] ?? { fate: 'unknown' }))
}

/** Undefined where it has a name. */
function endOf(endpoint: string): { readonly ip: Ip; readonly port: number } | undefined {
  const { host, port } = partsOf(endpoint)
  const ip = parseIp(host)
  return ip && { ip, port }
}

function partsOf(endpoint: string): { readonly host: string; readonly port: number } {
  const { hostname, port, protocol } = new URL(endpoint)
  const host = hostname.replace(/^\[|\]$/g, '')
  return { host, port: port === '' ? (DEFAULT_PORTS[protocol] ?? 0) : Number(port) }
}
