/** The part of the Docker API that tells how a container is; docker-api.ts is the real one. */
import type { EndpointId } from '../../core/types.js'

export interface ContainerState {
  readonly id: string
  /** without Docker's slash */
  readonly name: string
  /** `running`, `paused`, `exited`, `created`, `restarting`, `removing` or `dead` */
  readonly status: string
  /** those that it has now */
  readonly endpoints: readonly EndpointId[]
  /** what docker calls its networks, also while it does not run */
  readonly networks: readonly string[]
}

/** Every call ends within its own deadline, or soon after `signal` aborts. */
export interface DockerStates {
  /** All containers, running or not. */
  states(signal: AbortSignal): Promise<readonly ContainerState[]>
  /** What this plugin is called here, as `docker plugin` takes it; undefined: it is none of dockerd's. */
  pluginName(signal: AbortSignal): Promise<string | undefined>
}
