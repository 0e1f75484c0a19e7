/** The ears of the other host, and why there are none: its plugin is an older one, or does not answer. */
import type { LiveHop } from '../../../core/admin/live.js'
import { messageOf } from '../../../core/errors.js'
import type { Flow } from '../../../core/live.js'
import type { Host } from '../../../core/types.js'
import type { Path, TraceParts } from '../parts.js'

/** Most hosts answer in milliseconds, and what is heard here tells something, too. */
const WITHIN = { withinMs: 2_000 }
/** Beside the time that the probes take. */
const SPARE_MS = 3_000

/**
 * Has the other host listen; never fails.
 * @param ms that the probes take @param tunnelled they come in VXLAN
 * @returns why it does not
 */
export async function overhear(
  { inquiries }: Pick<TraceParts, 'inquiries'>,
  host: Host,
  { path, flow }: { readonly path: Path; readonly flow: Flow },
  { ms, tunnelled }: { readonly ms: number; readonly tunnelled: boolean },
): Promise<string | undefined> {
  const { mark, protocol, port } = flow
  const question = {
    ...{ network: path.binding.network.key, ip: flow.to, from: flow.from, mac: path.mine.mac },
    ...{ name: path.name, protocol, mark, tunnelled, forMs: ms + SPARE_MS },
    ...(port === undefined ? {} : { port }),
  }
  try {
    const { listens } = await inquiries.ask(host.id, 'overhear', question, WITHIN)
    return listens ? undefined : `host ${host.name} has no running container with ${flow.to}`
  } catch (error) {
    return messageOf(error)
  }
}

export interface Overheard {
  readonly hops: readonly LiveHop[]
  /** why there are none */
  readonly silent?: string
}

/** What it has heard; never fails. */
export async function overheard(
  { inquiries }: Pick<TraceParts, 'inquiries'>,
  host: Host,
  { mark }: Flow,
): Promise<Overheard> {
  try {
    return await inquiries.ask(host.id, 'overheard', { mark }, WITHIN)
  } catch (error) {
    return { hops: [], silent: messageOf(error) }
  }
}
