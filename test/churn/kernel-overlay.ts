/** An overlay network's sandbox on one host, compared with what dockerds have. */
import { fdb, neighbours, ports } from '../e2e/traces.js'
import type { Host } from '../lab/host.js'
import { sandboxOf } from '../lab/tsoverlay.js'
import type { Attachment } from './attachments.js'
import { compare } from './compare.js'

/**
 * @param all attachments of all hosts
 * @param vtepOf where a host is reached
 * @returns every disagreement, in words
 */
export async function overlayAgainst(
  host: Host,
  network: string,
  all: readonly Attachment[],
  vtepOf: (host: Host) => string,
): Promise<string[]> {
  const sandbox = await sandboxOf(host, network)
  const here = all.filter((one) => one.network === network && one.host === host)
  const there = all.filter((one) => one.network === network && one.host !== host)
  const live = (await host.sh(['ls', '/run/docker/netns'], { check: false })).stdout.includes(
    sandbox,
  )
  const what = `${host.name}: ${network}`
  if (here.length === 0) return live ? [`${what}: a sandbox without an endpoint`] : []
  if (!live) return [`${what}: no sandbox`]
  const pairs = (map: ReadonlyMap<string, string>): string[] =>
    [...map].map((pair) => pair.join(' '))
  return [
    ...compare(
      `${what}: ports`,
      await ports(host, sandbox),
      here.map(({ endpoint }) => `veth${endpoint.slice(0, 7)}`),
    ),
    ...compare(
      `${what}: neighbours`,
      pairs(await neighbours(host, sandbox)),
      there.map(({ ip, mac }) => `${ip} ${mac}`),
    ),
    ...compare(
      `${what}: FDB`,
      pairs(await fdb(host, sandbox)),
      there.map((one) => `${one.mac} ${vtepOf(one.host)}`),
    ),
  ]
}
