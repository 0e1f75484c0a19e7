import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * Which of ten labs: each has names, addresses and a state of its own, so that several people can
 * work on one machine. Without the variable there is one lab, number 0; of test files that tap runs at
 * once each has one.
 */
export const LAB_NUMBER = Number(process.env['TSOVERLAY_LAB'] ?? process.env['TAP_JOB_ID'] ?? 0)
if (!(Number.isInteger(LAB_NUMBER) && LAB_NUMBER >= 0 && LAB_NUMBER <= 9)) {
  throw new Error(`TSOVERLAY_LAB=${process.env['TSOVERLAY_LAB']} is not a number from 0 to 9`)
}

/**
 * Names and addresses of the lab. All that it makes in the kernel starts with this, so that `down`
 * can tell its own from everybody else's without any memory of having made it.
 */
const PREFIX = LAB_NUMBER === 0 ? 'tsolab' : `tsolab${'abcdefghi'[LAB_NUMBER - 1]}`
export const BRIDGE = `${PREFIX}0`
export const LINK_PATTERN = new RegExp(`^${PREFIX}\\d+$`)
/** Of network namespaces and of cgroups. */
export const NETNS_PATTERN = new RegExp(`^${PREFIX}-[a-z0-9]+$`)

/** 10.99.0.0/16 is lab 0's, 10.98.0.0/16 lab 1's; a /24 for each segment, counted from 1. */
const NET = `10.${99 - LAB_NUMBER}`
const NET6 = `fd10:${99 - LAB_NUMBER}:`
/** hK is 10.99.0.K; what is no host has an index that no host reaches. */
export const MAX_HOSTS = 50
export const MAX_SEGMENTS = 9
/** Of the client on the first segment; the next one's is one more. */
export const FIRST_CLIENT_INDEX = 101
/** Of the machine that runs the lab, where a router has the gateway's index. */
export const OUTSIDE_INDEX = 251
export const GATEWAY_INDEX = 254
export const ETCD_INDEX = 253

/** Where disks and logs of the running lab live; must be on a real disk, not on overlayfs. */
export const STATE_DIR =
  process.env['TSOVERLAY_LAB_DIR'] ??
  `/var/tmp/tsoverlay-lab${LAB_NUMBER === 0 ? '' : `-${LAB_NUMBER}`}`
/** Where bootstrapped roots are kept between labs. */
export const CACHE_DIR = process.env['TSOVERLAY_LAB_CACHE'] ?? '/var/cache/tsoverlay-lab'
/** What hosts see read-only as /shared unless told otherwise. */
export const DEFAULT_SHARE = fileURLToPath(new URL('../../build', import.meta.url))
/** Inside a machine: init, service script and their settings. */
export const INSIDE_DIR = '/usr/local/lib/tsolab'

/** IPv4 address of an index on a segment. */
export const addressOf = (index: number, segment = 1): string => `${NET}.${segment - 1}.${index}`
export const address6Of = (index: number, segment = 1): string =>
  `${NET6}${segment === 1 ? '' : `0:${segment - 1}:`}:${index.toString(16)}`
/** The hosts' default gateway: the machine that runs the lab, or the router between segments. */
export const gatewayOf = (segment: number): string => addressOf(GATEWAY_INDEX, segment)
export const gateway6Of = (segment: number): string => address6Of(GATEWAY_INDEX, segment)
export const bridgeOf = (segment: number): string =>
  segment === 1 ? BRIDGE : `${PREFIX}${1_000 + segment}`
export const linkOf = (index: number): string => `${PREFIX}${index}`
/** The bridge's end of the router's cable to a segment. */
export const routerLinkOf = (segment: number): string => `${PREFIX}${2_000 + segment}`
export const netnsOf = (name: string): string => `${PREFIX}-${name}`
export const cgroupOf = (name: string): string => `${PREFIX}-${name}`
export const machineDir = (name: string): string => join(STATE_DIR, name)

/** What the lab prints while it works, one line at a time. */
export type Log = (line: string) => void

/** A failure that the user can read as it stands; the CLI prints only its message. */
export class LabError extends Error {
  override readonly name = 'LabError'
}
