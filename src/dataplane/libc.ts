/**
 * The four system calls that node does not have. The only importer of koffi. Each call is made on
 * the calling thread and returns before anything else runs, which netns.ts depends on.
 */
import { getSystemErrorName } from 'node:util'
import koffi from 'koffi'

const libc = koffi.load('libc.so.6')
const call = {
  setns: libc.func('int setns(int fd, int nstype)'),
  unshare: libc.func('int unshare(int flags)'),
  mount: libc.func(
    'int mount(const char *source, const char *target, const char *type, unsigned long flags, const void *data)',
  ),
  umount2: libc.func('int umount2(const char *target, int flags)'),
}

// linux/sched.h, sys/mount.h
const CLONE_NEWNET = 0x40000000
const MS_BIND = 4096
const MNT_DETACH = 2

/** The name of an errno (`EPERM`), or undefined when the call succeeded. */
type Outcome = string | undefined

function outcome(result: unknown): Outcome {
  return result === 0 ? undefined : getSystemErrorName(-koffi.errno())
}

/** Moves the calling thread into the network namespace of `fd` (setns(2)). */
export function enterNetns(fd: number): Outcome {
  return outcome(call.setns(fd, CLONE_NEWNET))
}

/** Moves the calling thread into a new network namespace (unshare(2)). */
export function enterNewNetns(): Outcome {
  return outcome(call.unshare(CLONE_NEWNET))
}

/** Mounts the file `source` on the file `target` (mount(2), MS_BIND). */
export function bindMount(source: string, target: string): Outcome {
  return outcome(call.mount(source, target, 'none', MS_BIND, null))
}

/** Takes the mount off `target` at once, even if it is busy (umount2(2), MNT_DETACH). */
export function detachMount(target: string): Outcome {
  return outcome(call.umount2(target, MNT_DETACH))
}
