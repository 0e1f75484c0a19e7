import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * Names and addresses of the lab. All that it makes in the kernel starts with `tsolab`, so that
 * `down` can tell its own from everybody else's without any memory of having made it.
 */
export const BRIDGE = 'tsolab0'
export const LINK_PATTERN = /^tsolab\d+$/
export const NETNS_PATTERN = /^tsolab-[a-z0-9]+$/
export const CGROUP_PATTERN = /^tsolab-[a-z0-9]+$/

/** Of the machine that runs the lab, on the bridge; the hosts' default gateway. */
export const GATEWAY = '10.99.0.254'
export const GATEWAY6 = 'fd10:99::fe'
/** hK is 10.99.0.K; the store's machine has an index that no host reaches. */
export const ETCD_INDEX = 253
export const MAX_HOSTS = 50

/** Where disks and logs of the running lab live; must be on a real disk, not on overlayfs. */
export const STATE_DIR = process.env['TSOVERLAY_LAB_DIR'] ?? '/var/tmp/tsoverlay-lab'
/** Where bootstrapped roots are kept between labs. */
export const CACHE_DIR = process.env['TSOVERLAY_LAB_CACHE'] ?? '/var/cache/tsoverlay-lab'
/** What hosts see read-only as /shared unless told otherwise. */
export const DEFAULT_SHARE = fileURLToPath(new URL('../../build', import.meta.url))
/** Inside a machine: init, service script and their settings. */
export const INSIDE_DIR = '/usr/local/lib/tsolab'

export const addressOf = (index: number): string => `10.99.0.${index}`
export const address6Of = (index: number): string => `fd10:99::${index.toString(16)}`
export const linkOf = (index: number): string => `tsolab${index}`
export const netnsOf = (name: string): string => `tsolab-${name}`
export const cgroupOf = (name: string): string => `tsolab-${name}`
export const machineDir = (name: string): string => join(STATE_DIR, name)

/** What the lab prints while it works, one line at a time. */
export type Log = (line: string) => void

/** A failure that the user can read as it stands; the CLI prints only its message. */
export class LabError extends Error {
  override readonly name = 'LabError'
}
