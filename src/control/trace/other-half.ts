/** The other host's half of a path, as its agent tells it, or why it does not. */
import { hasCode, messageOf } from '../../core/errors.js'
import type { Answer } from '../../core/inquiry.js'
import type { Host } from '../../core/types.js'
import { keys } from '../../state/keys.js'
import { type Finding, unknown } from './finding.js'
import { judgeAway } from './judge/underlay.js'
import { sourceOf } from './outward.js'
import type { Load, Path, TraceParts } from './parts.js'
import { storeAway } from './store-away.js'

/** A trace is to be there within a second. */
export const FAR_MS = 900
const DOCKER_MS = 2_000
const ECHO_BYTES = 64
const AWAY = 'the store'

export interface OtherHalf {
  readonly answer?: Answer<'arrival'>
  /** why there is none */
  readonly findings: readonly Finding[]
}

/** Never fails. @param mtu of the container here */
export async function askOther(
  parts: TraceParts,
  { binding, mine, name, other }: Path,
  host: Host,
  { protocol, port }: Load,
  mtu: number | undefined,
): Promise<OtherHalf> {
  const { inquiries, identity, presence } = parts
  if (!presence.reached) return { findings: await storeAway(parts) }
  const from = sourceOf({ mine }, other.ip) ?? other.ip
  const question = {
    ...{ network: binding.network.key, ip: other.ip, host: identity.id, from, mac: mine.mac },
    ...{ name, protocol },
    ...(port === undefined ? {} : { port }),
    ...(mtu === undefined ? {} : { mtu }),
  }
  try {
    const answer = await inquiries.ask(host.id, 'arrival', question, { withinMs: FAR_MS })
    return { answer, findings: [] }
  } catch (error) {
    return { findings: await unanswered(parts, host, error) }
  }
}

async function unanswered(
  parts: TraceParts,
  host: Host,
  error: unknown,
): Promise<readonly Finding[]> {
  const { dataplane, underlay, docker, identity, store } = parts
  if (hasCode(error, 'STORE_UNAVAILABLE')) return storeAway(parts)
  const silent = [unknown({ hop: 'agent', about: `plugin of ${host.name}` }, messageOf(error))]
  if (!hasCode(error, 'HOST_SILENT')) return silent
  const own = underlay.known?.vtep
  const echoed = own && (await dataplane.echo(own, host.vtep, ECHO_BYTES, 1))
  const present = await store.get(keys.alive(host.id)).catch(() => AWAY)
  // Who is not there by a store that has just gone may be there.
  if (present === AWAY) return storeAway(parts)
  // Until its lease has run out it may just be slow, or have crashed a moment ago.
  if (echoed !== 0 && present !== undefined) return silent
  const plugin = await docker.pluginName(AbortSignal.timeout(DOCKER_MS)).catch(() => undefined)
  const away = judgeAway({
    ...{ name: host.name, vtep: host.vtep, plugin: plugin ?? 'local/tsoverlay' },
    ...{ asker: identity.name, announced: present !== undefined },
    ...{ echoes: echoed === undefined ? undefined : echoed > 0 },
  })
  return [away]
}
