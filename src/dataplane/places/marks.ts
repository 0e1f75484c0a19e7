/** How a process with no memory knows what is ours in the kernel. */

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
