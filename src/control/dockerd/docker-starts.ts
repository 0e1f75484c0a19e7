/** The part of the Docker API that starts containers again; docker-api.ts is the real one. */
import type { DockerNetworkId } from '../../core/types.js'

/** A container that does not run, as dockerd shows it. */
export interface IdleContainer {
  readonly id: string
  readonly name: string
  /** `docker run --restart`, without its number */
  readonly restartPolicy: string
  /** why its last start failed; empty where it did not, as when a user stopped it */
  readonly error: string
}

/** Every call ends within its own deadline, or soon after `signal` aborts. */
export interface IdleContainers {
  /** Containers that have run and do not now, of those on any of these networks. */
  idle(
    networks: ReadonlySet<DockerNetworkId>,
    signal: AbortSignal,
  ): Promise<readonly IdleContainer[]>
  /** @throws what dockerd answers; one that runs already is success */
  start(id: string, signal: AbortSignal): Promise<void>
}
