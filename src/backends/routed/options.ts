/** The `-o` options of routed networks; the first value is the one without the option. */
import type { BackendOption } from '../../core/ports.js'

/** By what a container reaches the world. */
export const GATEWAY = {
  name: 'gateway',
  values: ['docker_gwbridge', 'bridge'],
} as const satisfies BackendOption

/** Whether packets of other networks are kept out. */
export const ISOLATE = { name: 'isolate', values: ['on', 'off'] } as const satisfies BackendOption

/** Whether the host, other hosts and machines with a route may speak to containers first. */
export const EXPOSE = { name: 'expose', values: ['on', 'off'] } as const satisfies BackendOption

/** Between which hosts packets go through the tunnel. */
export const ENCAP = {
  name: 'encap',
  values: ['always', 'cross-subnet', 'never'],
} as const satisfies BackendOption
