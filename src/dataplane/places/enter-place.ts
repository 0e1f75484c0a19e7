import { closeSync } from 'node:fs'
import { basename, join } from 'node:path'
import { HOST } from '../../core/plan.js'
import { type Home, netnsState, openNetns } from './netns.js'

/**
 * Runs `inside` in HOST, or in the namespace of a file of `netnsDir`.
 * @returns undefined: there is no such namespace
 * @throws TsoverlayError KERNEL_FAILED, and whatever `inside` throws
 */
export function enterPlace<T>(
  home: Home,
  netnsDir: string,
  where: string,
  inside: () => T,
): { readonly made: T } | undefined {
  if (where === HOST) return { made: inside() }
  const path = join(netnsDir, basename(where))
  if (netnsState(path) !== 'live') return undefined
  const fd = openNetns(path)
  try {
    return { made: home.enter(fd, inside) }
  } finally {
    closeSync(fd)
  }
}
