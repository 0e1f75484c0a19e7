/**
 * Keeps containers off a host that could not send to others of their network: where the backend has no
 * tunnel and a router is between. Which of the two hosts had a container first decides.
 */
import { resolveBackend } from '../../backends/index.js'
import { TsoverlayError } from '../../core/errors.js'
import type { NoWay, Store } from '../../core/ports.js'
import type { Host, Network, Underlay } from '../../core/types.js'
import { wayTo } from '../../core/way.js'
import { keys } from '../../state/keys.js'

interface ReachabilityParts {
  readonly store: Pick<Store, 'keys'>
  readonly self: string
  readonly peers: { hosts(): readonly Host[] }
  readonly underlay: { readonly known: Underlay | undefined }
}

interface Unreached extends NoWay {
  readonly host: Host
}

/** The other hosts to which the network's backend has no way from here: pure. */
export function unreachedBy(
  network: Network,
  { self, peers, underlay }: Pick<ReachabilityParts, 'self' | 'peers' | 'underlay'>,
): readonly Unreached[] {
  const { unreached } = resolveBackend(network.backend)
  const { known } = underlay
  if (unreached === undefined || known === undefined) return []
  return peers.hosts().flatMap((host) => {
    const noWay =
      host.id === self ? undefined : unreached(network, wayTo(known, host.id, host.vtep))
    return noWay === undefined ? [] : [{ host, ...noWay }]
  })
}

/** @throws TsoverlayError HOST_UNREACHED, STORE_UNAVAILABLE */
export async function refuseUnreached(
  network: Network,
  parts: ReachabilityParts,
  signal: AbortSignal,
): Promise<void> {
  const found: Unreached[] = []
  for (const each of unreachedBy(network, parts)) {
    const endpoints = await parts.store.keys(keys.hostEndpoints(network.key, each.host.id), signal)
    if (endpoints.length > 0) found.push(each)
  }
  const [first] = found
  if (first === undefined) return
  const names = found.map(({ host }) => `${host.name} (${host.vtep})`).sort()
  throw new TsoverlayError(
    'HOST_UNREACHED',
    `this host (${parts.underlay.known?.vtep}) has no direct way to ${names.join(', ')}, where the network has containers: a router is between, and ${first.option}=${first.value} goes by routes only. Run the container on a host of their layer 2, or make the network with -o ${first.instead}`,
  )
}
