/** Containers by name, on this host and on others. */
import { TsoverlayError } from '../../core/errors.js'
import type { Answer } from '../../core/inquiry.js'
import { ipOf } from '../../core/ip.js'
import type { HostId } from '../../core/types.js'
import { type Elsewhere, sourceOn } from './find.js'
import { FAR_MS } from './other-half.js'
import type { States, TraceParts } from './parts.js'

const DOCKER_MS = 2_000
/** Hosts that are asked whether they know a name. */
const MOST_ASKED = 64

/** Containers of this host; undefined: dockerd does not answer. */
export function statesOf({ docker }: Pick<TraceParts, 'docker'>): Promise<States> {
  return docker.states(AbortSignal.timeout(DOCKER_MS)).catch(() => undefined)
}

/** Whether this host has a container of a name, id or address. @throws TsoverlayError NAME_UNKNOWN as sourceOn */
export function containerHere(
  parts: TraceParts,
  text: string,
  states: States,
): Answer<'container'> {
  const source = sourceOn(parts, text, states)
  const endpoints = source?.endpoints ?? []
  return {
    ...(source === undefined ? {} : { status: source.state?.status ?? 'running' }),
    networks: source?.state?.networks ?? [],
    joined: endpoints.map(({ network }) => network),
    addresses: endpoints.flatMap(({ addresses }) => addresses.map(ipOf)),
  }
}

/** Who of the other hosts, and of this one, has a container of this name or address. */
export async function whoHas(
  parts: TraceParts,
  text: string,
  states: States,
): Promise<readonly Elsewhere[]> {
  const { inquiries, peers, identity, presence } = parts
  const own = here(parts, text, states)
  if (own?.status !== undefined) return [{ ...own, host: identity.name }]
  if (!presence.reached) return []
  const ids = peers.hosts().flatMap(({ id }) => (id === identity.id ? [] : id))
  const asked = ids.slice(0, MOST_ASKED)
  const options = { withinMs: FAR_MS }
  for await (const reply of inquiries.askAll(asked, 'container', { name: text }, options)) {
    if ('answer' in reply && reply.answer.status !== undefined)
      return [{ ...reply.answer, host: reply.host.name }]
  }
  return []
}

function here(parts: TraceParts, text: string, states: States): Answer<'container'> | undefined {
  try {
    return containerHere(parts, text, states)
  } catch {
    return undefined
  }
}

/** The other host that has a container. @throws TsoverlayError NAME_UNKNOWN */
export async function hostWith(parts: TraceParts, text: string, states: States): Promise<HostId> {
  const { peers, identity } = parts
  const others = peers.hosts().filter(({ id }) => id !== identity.id)
  const [found] = await whoHas(parts, text, states)
  const host = others.find(({ name }) => name === found?.host)
  if (host !== undefined) return host.id
  throw new TsoverlayError(
    'NAME_UNKNOWN',
    `no container is called "${text}" or has that address, on this host and on those that answer: tsoverlay endpoints lists those that are on networks`,
  )
}
