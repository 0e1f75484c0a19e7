/** What dockerd's events mean: pure. */
import type { NameEvent } from './docker-names.js'
import { type DockerChange, GATEWAY_BRIDGE } from './docker-networks.js'

/** moby api/types/events Message, as far as it matters here */
interface DockerEvent {
  readonly Type?: string
  readonly Action?: string
  readonly Actor?: { readonly ID?: string; readonly Attributes?: Readonly<Record<string, string>> }
}

/** @param line one of the stream of events; undefined: no names are new by it */
export function nameEventIn(line: string): NameEvent | undefined {
  let event: DockerEvent
  try {
    event = JSON.parse(line)
  } catch {
    return undefined
  }
  const { Type, Action, Actor } = event
  const container = Type === 'network' ? Actor?.Attributes?.['container'] : Actor?.ID
  if (container === undefined || container === '') return undefined
  if (Type === 'network') {
    const network = Actor?.ID ?? ''
    return Action === 'connect' ? { what: Action, container, network } : undefined
  }
  return Action === 'start' || Action === 'rename' ? { what: Action, container } : undefined
}

/** What a part of the stream of events tells, a line each; a network, if in doubt. */
export function changesIn(text: string): readonly DockerChange[] {
  const found = text.split('\n').flatMap((line) => (line === '' ? [] : [changeIn(line)]))
  return [...new Set(found)]
}

function changeIn(line: string): DockerChange {
  if (!line.includes('"Type":"network"')) {
    return line.includes('"Type":"container"') ? 'container' : 'network'
  }
  const isGateway = line.includes('"Action":"destroy"') && line.includes(`"${GATEWAY_BRIDGE}"`)
  return isGateway ? 'gateway' : 'network'
}
