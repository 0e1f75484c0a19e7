/**
 * Network namespaces as files: a bind mount of an nsfs inode keeps a namespace alive with no
 * process in it, so it outlives the plugin.
 *
 * The one rule here: whoever enters a namespace must be home again before anything else can run.
 * So entry is a synchronous block (no await, no log, no thread-pool call): sockets opened inside
 * stay in that namespace and are used from outside. node's threads are started before the first
 * entry, else libuv would start its pool inside and leave it there for good.
 */
import {
  closeSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmSync,
  statfsSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { kernelFailed, refused } from '../failure.js'
import { bindMount, detachMount, enterNetns, enterNewNetns, remountWritable } from '../libc.js'
import { readSysctl, writeSysctl } from './sysctls.js'

/** That of the calling thread. */
export const OWN_NAMESPACE = '/proc/thread-self/ns/net'
/** NSFS_MAGIC (linux/magic.h) */
const NSFS_MAGIC = 0x6e736673

/** Held in each namespace of ours. A kernel without IPv6 has no net/ipv6. */
const SYSCTLS = {
  // the bridges of one network route between its subnets
  'net/ipv4/ip_forward': '1',
  'net/ipv6/conf/all/forwarding': '1',
  // IPv6 for the bridges also where net.core.devconf_inherit_init_net hands down its absence
  'net/ipv6/conf/default/disable_ipv6': '0',
  // a gateway takes no configuration from a container, and its address is on every host by intent
  'net/ipv6/conf/all/accept_ra': '0',
  'net/ipv6/conf/default/accept_ra': '0',
  'net/ipv6/conf/default/accept_dad': '0',
} as const

/**
 * There are no iptables rules in a sandbox, so bridged packets need not go the way to them
 * (br_netfilter_hooks.c). Set in a new namespace and not looked after: nothing depends on it. A
 * kernel without br_netfilter has no net/bridge.
 */
const SHORTCUTS = {
  'net/bridge/bridge-nf-call-iptables': '0',
  'net/bridge/bridge-nf-call-ip6tables': '0',
  'net/bridge/bridge-nf-call-arptables': '0',
} as const

/**
 * Puts right the settings of the calling thread's namespace that are not as they must be.
 * @param bridges those that have IPv6 addresses
 * @returns how many
 * @throws TsoverlayError KERNEL_FAILED
 */
export function repairSysctls(bridges: readonly string[]): number {
  const altered = wantedSysctls(bridges).filter(
    ([name, value]) => (readSysctl(name) ?? value) !== value,
  )
  for (const [name, value] of altered) writeSysctl(name, value)
  return altered.length
}

function wantedSysctls(bridges: readonly string[]): readonly (readonly [string, string])[] {
  const own = bridges.map((name) => [`net/ipv6/conf/${name}/disable_ipv6`, '0'] as const)
  return [...Object.entries(SYSCTLS), ...own]
}

/** `dead`: a file is there, but no namespace on it, as after a reboot. */
export type NetnsState = 'absent' | 'dead' | 'live'

/** The namespace that the process started in, from which every entry starts and to which it returns. */
export class Home {
  readonly fd: number

  private constructor(fd: number) {
    this.fd = fd
  }

  static async open(): Promise<Home> {
    // any asynchronous fs call makes libuv start all threads of its pool
    await stat('/')
    // A managed plugin's is mounted read-only; elsewhere it is no mount of its own and this fails.
    remountWritable('/proc/sys')
    return new Home(openSync(OWN_NAMESPACE, 'r'))
  }

  close(): void {
    closeSync(this.fd)
  }

  /**
   * Runs `inside` in the namespace of `fd`.
   * @throws TsoverlayError KERNEL_FAILED and whatever `inside` throws
   */
  enter<T>(fd: number, inside: () => T): T {
    return this.#there(() => enterNetns(fd), inside)
  }

  /** Runs `inside` in a new namespace, which lives as long as somebody holds on to it. */
  enterNew<T>(inside: (fd: number) => T): T {
    return this.#there(enterNewNetns, () => {
      for (const [name, value] of Object.entries({ ...SYSCTLS, ...SHORTCUTS })) {
        writeSysctl(name, value)
      }
      const fd = openSync(OWN_NAMESPACE, 'r')
      try {
        return inside(fd)
      } catch (error) {
        closeSync(fd)
        throw error
      }
    })
  }

  #there<T>(go: () => string | undefined, inside: () => T): T {
    const error = go()
    if (error !== undefined) throw refused('entering a network namespace', error)
    try {
      return inside()
    } finally {
      // a main thread lost in a sandbox would do everything that follows in the wrong network
      if (enterNetns(this.fd) !== undefined) process.abort()
    }
  }
}

export function netnsState(path: string): NetnsState {
  if (statSync(path, { throwIfNoEntry: false }) === undefined) return 'absent'
  return statfsSync(path).type === NSFS_MAGIC ? 'live' : 'dead'
}

/** True when `fd` is the namespace that is mounted on `path` now. */
export function isSameNetns(path: string, fd: number): boolean {
  const file = statSync(path, { throwIfNoEntry: false })
  return file?.ino === fstatSync(fd).ino
}

/** Names of the files in `directory`; none when it is not there. */
export function listNetns(directory: string): readonly string[] {
  return statSync(directory, { throwIfNoEntry: false }) === undefined ? [] : readdirSync(directory)
}

/**
 * Mounts the namespace of `fd` on `path`, which must not be a live one.
 * @throws TsoverlayError KERNEL_FAILED
 */
export function pinNetns(path: string, fd: number): void {
  try {
    mkdirSync(dirname(path), { recursive: true })
    rmSync(path, { force: true })
    writeFileSync(path, '', { flag: 'wx', mode: 0o444 })
  } catch (error) {
    throw kernelFailed(`network namespace ${path}`, 'its file cannot be made', error)
  }
  const error = bindMount(`/proc/self/fd/${fd}`, path)
  if (error === undefined) return
  unlinkSync(path)
  throw refused(`mount of network namespace ${path}`, error)
}

/**
 * Takes the mount and its file away; the namespace ends with its last holder. None is success.
 * @throws TsoverlayError KERNEL_FAILED
 */
export function unpinNetns(path: string): void {
  while (netnsState(path) === 'live') {
    const error = detachMount(path)
    if (error !== undefined) throw refused(`unmount of network namespace ${path}`, error)
  }
  try {
    rmSync(path, { force: true })
  } catch (error) {
    throw kernelFailed(`network namespace ${path}`, 'its file cannot be removed', error)
  }
}

/** @throws TsoverlayError KERNEL_FAILED */
export function openNetns(path: string): number {
  try {
    return openSync(path, 'r')
  } catch (error) {
    throw kernelFailed(`network namespace ${path}`, 'it cannot be opened', error)
  }
}
