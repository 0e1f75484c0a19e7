/**
 * Every error that a user can meet, in one table. `docs/errors.md` is generated from it and a test
 * holds the two equal. Nothing else in src/ throws a plain Error for an expected condition, and
 * nobody matches on message text: callers look at `code`.
 */

/** `retryable`: the same call may succeed later without anybody changing anything. */
interface ErrorKind {
  readonly retryable: boolean
  readonly meaning: string
}

export const ERRORS = {
  SETTING_INVALID: {
    retryable: false,
    meaning: 'A plugin setting has a value that is not allowed; the plugin does not start.',
  },
  SOCKET_IN_USE: {
    retryable: false,
    meaning:
      'Another plugin runs on this host, or another process has the socket; the plugin does not start.',
  },
  REQUEST_INVALID: {
    retryable: false,
    meaning: 'dockerd sent a body that is empty, is not JSON or lacks a field.',
  },
  OPTION_UNKNOWN: {
    retryable: false,
    meaning: 'A network or IPAM option is not one that the plugin knows.',
  },
  OPTION_INVALID: {
    retryable: false,
    meaning: 'An option is known, but its value is not allowed.',
  },
  POOL_INVALID: {
    retryable: false,
    meaning: 'A subnet or IP range is malformed, too small, or outside its pool.',
  },
  POOL_OVERLAP: {
    retryable: false,
    meaning: 'The subnet overlaps one that the cluster or a host of it already uses.',
  },
  POOL_IN_USE: {
    retryable: false,
    meaning: 'Another network of this host already has the subnet.',
  },
  POOL_UNKNOWN: {
    retryable: false,
    meaning:
      'The pool id is not one that this plugin has given out, or the cluster has no such pool.',
  },
  POOL_EXHAUSTED: {
    retryable: false,
    meaning: 'No free address, or no free subnet to choose from, is left.',
  },
  ADDRESS_INVALID: {
    retryable: false,
    meaning: 'The address is malformed, outside the pool, or reserved in it.',
  },
  ADDRESS_TAKEN: {
    retryable: false,
    meaning: 'Another endpoint of the cluster holds the address.',
  },
  MAC_TAKEN: {
    retryable: false,
    meaning: 'Another endpoint of the network holds the MAC.',
  },
  PORT_TAKEN: {
    retryable: false,
    meaning:
      'The port that was to be published is taken on this host, or is of an address that it does not have.',
  },
  OWNER_UNAVAILABLE: {
    retryable: true,
    meaning: 'The host whose address block was asked for an address did not answer.',
  },
  VNI_INVALID: {
    retryable: false,
    meaning: 'The VNI is not a number from 1 to 16777215, or the list has the wrong length.',
  },
  VNI_TAKEN: {
    retryable: false,
    meaning: 'Another network of the cluster, or another vxlan device of the host, has the VNI.',
  },
  HOST_UNREACHED: {
    retryable: false,
    meaning:
      'The network has containers on hosts to which its backend has no way from this one: a router is between.',
  },
  NETWORK_UNKNOWN: {
    retryable: false,
    meaning: 'No network with this id was created on this host.',
  },
  NETWORK_CONFLICT: {
    retryable: false,
    meaning: 'The network exists in the cluster with other properties.',
  },
  ENDPOINT_UNKNOWN: {
    retryable: false,
    meaning: 'No endpoint with this id was created on this host.',
  },
  ENDPOINT_CONFLICT: {
    retryable: false,
    meaning: 'The endpoint exists already with other addresses.',
  },
  STORE_UNAVAILABLE: { retryable: true, meaning: 'etcd did not answer in time.' },
  HOST_CLONED: {
    retryable: true,
    meaning:
      'Another machine runs with the id of this host: the disk of one is a copy of the other. The plugin takes an id of its own and starts again.',
  },
  STORE_CONFLICT: {
    retryable: true,
    meaning: 'Other hosts kept changing the same keys; the transaction was given up.',
  },
  STORE_UNREADABLE: {
    retryable: false,
    meaning: 'The store has a record that this version of the plugin cannot read.',
  },
  NAME_INVALID: {
    retryable: false,
    meaning: 'The name is not one that DNS can carry.',
  },
  NAME_UNKNOWN: {
    retryable: false,
    meaning: 'Nothing in the cluster has this name.',
  },
  HOST_UNKNOWN: {
    retryable: false,
    meaning: 'No host of the cluster, or more than one, has this name or id.',
  },
  HOST_ALIVE: {
    retryable: false,
    meaning: 'A host that runs was to be removed from the cluster.',
  },
  HOST_SILENT: {
    retryable: true,
    meaning:
      'A host does not answer the question of another one: its plugin does not run, or does not reach the store.',
  },
  INQUIRY_REFUSED: {
    retryable: false,
    meaning:
      'A host does not understand the question or the answer of another one, whose plugin is of another version.',
  },
  KERNEL_FAILED: {
    retryable: true,
    meaning: 'The kernel refused a link, address, neighbour or FDB entry.',
  },
  DEADLINE_EXCEEDED: {
    retryable: true,
    meaning: 'A request was not finished within its deadline and was undone.',
  },
  UNDERLAY_UNKNOWN: {
    retryable: true,
    meaning: 'No address of this host fits ADVERTISE, so peers could not reach it.',
  },
} as const satisfies Record<string, ErrorKind>

export type ErrorCode = keyof typeof ERRORS

export class TsoverlayError extends Error {
  readonly code: ErrorCode
  readonly retryable: boolean

  /** @param message one sentence that names the option, the value and what is allowed */
  constructor(code: ErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'TsoverlayError'
    this.code = code
    this.retryable = ERRORS[code].retryable
  }
}

/** True for our error with one of these codes. */
export function hasCode(error: unknown, ...codes: readonly ErrorCode[]): error is TsoverlayError {
  return error instanceof TsoverlayError && codes.includes(error.code)
}

/** The text of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
