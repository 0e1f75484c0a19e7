/** How a process with no memory knows what is ours in the kernel. */
import { HOST_LINKS } from '../../core/names.js'
import type { LinkState } from '../rtnl/link-codec.js'

/**
 * Alias (IFLA_IFALIAS) of the loopback device in each sandbox that we make. Docker's own overlay
 * names its sandboxes as we do, so a name proves nothing; nobody gives lo an alias by chance, it
 * cannot be deleted, and it is set before the namespace becomes visible.
 */
export const SANDBOX_MARK = 'tsoverlay'

/** True for `1-` and the first ten characters of a NetworkID (moby overlay/ov_network.go). */
export function isSandboxName(name: string): boolean {
  return /^1-[0-9a-z]{10}$/.test(name)
}

/**
 * Whether a link of the host's own namespace is ours. The name is set in the message that makes a link,
 * so none is ever without.
 */
export function isHostLink({ kind, name }: Pick<LinkState, 'kind' | 'name'>): boolean {
  const ours = Object.entries(HOST_LINKS).find(([of]) => of === kind)
  return ours !== undefined && name.startsWith(ours[1])
}
