/** What one has chosen on the map or in a table: pure. */
import type { Cluster, HostNode } from './cluster.js'

export interface Selection {
  readonly kind: 'host' | 'network' | 'endpoint'
  /** of a network: its key */
  readonly id: string
}

export type Select = (selection: Selection | undefined) => void

export function isSame(a: Selection | undefined, b: Selection | undefined): boolean {
  return a?.kind === b?.kind && a?.id === b?.id
}

/**
 * Which other host is asked for its counters: the one that is chosen, or has the endpoint that is.
 * @returns undefined: none, as it is this one, or away
 */
export function hostToAsk(
  { hosts, byId }: Pick<Cluster, 'hosts' | 'byId'>,
  selection: Selection | undefined,
): HostNode | undefined {
  if (selection === undefined || selection.kind === 'network') return undefined
  const id = selection.kind === 'host' ? selection.id : byId.get(selection.id)?.host
  return hosts.find((host) => host.id === id && host.alive && !host.self)
}
