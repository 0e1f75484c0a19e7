import type { Log } from './names.js'

export interface LabOptions {
  /** h1 to hN. */
  readonly hosts: number
  /**
   * Numbers of the hosts on each layer 2, e.g. `[[1, 2], [3, 4]]`: each segment has a subnet, and a
   * router is between. All on one, without a router, unless told.
   */
  readonly segments?: readonly (readonly number[])[]
  /** true: an etcd on a machine of its own. */
  readonly etcd?: boolean
  /** Debian suite of every machine; trixie has dockerd 26.1. */
  readonly suite?: string
  /** More arguments for each dockerd, e.g. `--live-restore`. */
  readonly dockerdArgs?: readonly string[]
  /** Directory that hosts see read-only as /shared; the checkout's build/ unless told. */
  readonly share?: string
  /** true: the lab outlives this process; `attach` finds it. */
  readonly keep?: boolean
  /** Progress, a line at a time; silent unless told. */
  readonly log?: Log
}
