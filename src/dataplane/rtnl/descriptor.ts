/**
 * The file descriptor of a netlink socket, which npm netlink keeps to itself, and the options it
 * must have.
 *
 * NETLINK_NO_ENOBUFS is not for speed: when the kernel drops a message because a receive buffer is
 * full, it reports an error on the socket; libuv hands that to the package's poll handler, which
 * makes a string of a null pointer and ends the process (netlink 0.3.0 binding.cc, PollHandler).
 * With the option the kernel drops in silence: a request then runs into its time limit, and a
 * notice is lost, which the listener can bear.
 */
import { readdirSync } from 'node:fs'
import { kernelFailed, refused } from '../failure.js'
import { enableNetlinkOption, netlinkPort } from '../libc.js'

/** linux/netlink.h; CAP_ACK: a refusal does not carry the refused message back */
const OPTIONS = { NETLINK_NO_ENOBUFS: 5, NETLINK_CAP_ACK: 10 } as const

/** Descriptors of sockets that are open: in another namespace one may have the same port. */
const claimed = new Set<number>()

/**
 * Sets the options on the socket that was just opened. Synchronous.
 * @param port the socket's own port
 * @returns its descriptor, for `releaseDescriptor`
 * @throws TsoverlayError KERNEL_FAILED
 */
export function claimDescriptor(port: number): number {
  const open = readdirSync('/proc/self/fd').map(Number)
  const fd = open.find((candidate) => !claimed.has(candidate) && netlinkPort(candidate) === port)
  if (fd === undefined) throw kernelFailed('rtnetlink socket', 'its descriptor cannot be found')
  for (const [name, option] of Object.entries(OPTIONS)) {
    const error = enableNetlinkOption(fd, option)
    if (error !== undefined) throw refused(`option ${name} of an rtnetlink socket`, error)
  }
  claimed.add(fd)
  return fd
}

/** To be called in the same turn in which the socket is closed. */
export function releaseDescriptor(fd: number): void {
  claimed.delete(fd)
}
