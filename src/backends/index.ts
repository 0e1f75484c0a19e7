/** All backends by name. A new one is a folder and a line here. */
import { invalidOption } from '../core/options.js'
import type { Backend } from '../core/ports.js'
import { overlay } from './overlay/overlay.js'

const BACKENDS: Readonly<Record<string, Backend>> = { [overlay.name]: overlay }

export const DEFAULT_BACKEND = overlay.name

/** @throws TsoverlayError OPTION_INVALID for a name that is none */
export function resolveBackend(name: string): Backend {
  const backend = Object.hasOwn(BACKENDS, name) ? BACKENDS[name] : undefined
  if (backend === undefined) {
    throw invalidOption('-o', 'backend', name, Object.keys(BACKENDS).join(' or '))
  }
  return backend
}
