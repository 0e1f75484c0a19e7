/** Which failures of a pass matter to whom: pure. */
import type { Part } from '../../core/plan.js'
import type { ApplyFailure, ApplyResult } from '../../core/ports.js'

export const NOTHING: ApplyResult = { written: 0, drift: 0, failures: [] }

export interface PassResult {
  readonly made: ApplyResult
  /** the same without failures that have passed meanwhile */
  readonly lasting: ApplyResult
}

/**
 * The first failure without which an endpoint could not work: the place, the rules that keep others
 * out, a bridge or a vxlan device of its network, or its own port.
 * @param part of its network at home
 */
export function vitalFailure(
  { failures }: ApplyResult,
  part: Part | undefined,
  port: string,
): ApplyFailure | undefined {
  const links = new Set(
    part?.links
      .filter(({ kind, name }) => kind !== 'veth' || name === port)
      .map(({ name }) => name),
  )
  return failures.find(({ item }) => {
    if (item.in === 'links') return links.has(item.name)
    return item.in === 'place' || item.in === 'rules'
  })
}

/**
 * Without what is about ports of containers that have left meanwhile: DeleteEndpoint takes them away
 * amid a pass.
 */
export function withoutLeft(
  result: ApplyResult,
  links: Part['links'],
  portsNow: () => ReadonlySet<string>,
): ApplyResult {
  if (result.failures.length === 0) return result
  const ports = portsNow()
  const veths = new Set(links.filter(({ kind }) => kind === 'veth').map(({ name }) => name))
  const failures = result.failures.filter(({ item }) => {
    // of a station the name is that of its port, and the MAC
    const [dev = ''] = item.in === 'links' || item.in === 'stations' ? item.name.split(' ') : []
    return !veths.has(dev) || ports.has(dev)
  })
  return { ...result, failures }
}
