/** Why the store does not answer this host, as far as the host itself can tell. */
import { lookup } from 'node:dns/promises'
import { within } from '../../core/deadline.js'
import { type Ip, parseIp } from '../../core/ip.js'
import type { TriedPacket } from '../../core/path-facts.js'
import { HOST } from '../../core/plan.js'
import { placeOf, placesText } from '../../core/store-places.js'
import { type Finding, failed } from './finding.js'
import { judgeRules } from './judge/firewall.js'
import type { TraceParts } from './parts.js'

/** A resolver that does not answer is not waited for: a trace is to be there within a second. */
const LOOKUP_MS = 300

/** Never fails. @returns rules of this host that keep it from the store first, then that it is away */
export async function storeAway({
  dataplane,
  endpoints,
}: Pick<TraceParts, 'dataplane' | 'endpoints'>): Promise<readonly Finding[]> {
  const packets = await packetsTo({ dataplane }, endpoints).catch(() => [])
  const facts = packets.length === 0 ? [] : await dataplane.path.tried(packets).catch(() => [])
  const rules = packets.map((packet, at) => judgeRules(packet, facts[at] ?? { fate: 'unknown' }))
  return [...rules.filter(({ verdict }) => verdict === 'failed'), judgeStoreAway(endpoints)]
}

function judgeStoreAway(endpoints: readonly string[]): Finding {
  const says = `${placesText(endpoints)} does not answer this host: what others have changed since then is not known here, and the other host cannot be asked. Start it, or see to the way there: what is typed says why, and when it answers again`
  return failed({ hop: 'store', about: 'etcd' }, says, 'tsoverlay doctor')
}

/** The first packet to each endpoint. */
async function packetsTo(
  { dataplane }: Pick<TraceParts, 'dataplane'>,
  endpoints: readonly string[],
): Promise<readonly TriedPacket[]> {
  const places = await Promise.all(
    endpoints.map(placeOf).map(async ({ host, port }) => ({ ip: await addressOf(host), port })),
  )
  const known = places.flatMap(({ ip, port }) => (ip === undefined ? [] : [{ ip, port }]))
  const host = await dataplane.path.surroundings(HOST, { ips: known.map(({ ip }) => ip) })
  return known.flatMap(({ ip, port }) => {
    const route = host?.routes.find(({ to }) => to === ip)
    if (route?.source === undefined) return []
    const ends = { source: route.source, destination: ip }
    return [{ hook: 'output', from: '', to: route.dev, ...ends, protocol: 'tcp', port } as const]
  })
}

async function addressOf(host: string): Promise<Ip | undefined> {
  const known = parseIp(host)
  if (known !== undefined) return known
  const found = lookup(host).catch(() => undefined)
  if (!(await within(found, LOOKUP_MS))) return undefined
  return parseIp((await found)?.address ?? '')
}
