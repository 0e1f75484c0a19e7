/** All backends by name. A new one is a folder, or a file in one, and a line here. */
import { invalidOption } from '../core/options.js'
import type { Backend } from '../core/ports.js'
import { overlay } from './overlay/overlay.js'
import { routed } from './routed/routed.js'
import { vxlan } from './routed/vxlan.js'

const ALL: readonly Backend[] = [overlay, routed('vxlan', vxlan), routed('host-gw')]
const BACKENDS: ReadonlyMap<string, Backend> = new Map(ALL.map((each) => [each.name, each]))

export const DEFAULT_BACKEND = overlay.name

/** @throws TsoverlayError OPTION_INVALID for a name that is none */
export function resolveBackend(name: string): Backend {
  const backend = BACKENDS.get(name)
  if (backend === undefined) {
    throw invalidOption('-o', 'backend', name, [...BACKENDS.keys()].join(' or '))
  }
  return backend
}

/** Names of the backends that fit. */
export function backendsThat(fits: (backend: Backend) => boolean): readonly string[] {
  return ALL.filter(fits).map(({ name }) => name)
}
