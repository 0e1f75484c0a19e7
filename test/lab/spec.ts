/** A client is a machine that runs nothing. */
export type Kind = 'host' | 'etcd' | 'router' | 'client'

/** What a machine is made from; enough to boot it again from another process. */
export interface MachineSpec {
  readonly name: string
  readonly index: number
  readonly kind: Kind
  /** Those that it has a cable to, counted from 1; only the router has several. */
  readonly segments: readonly number[]
  /** true: the lab has a router, and that is its gateway; false: the machine that runs the lab. */
  readonly routed: boolean
  readonly root: string
  readonly share: string
  /** More arguments for its service, dockerd or etcd. */
  readonly args: readonly string[]
}
