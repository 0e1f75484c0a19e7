/** The part of the Docker API that starts containers again; sync/docker-api.ts is the real one. */
import type { DockerNetworkId } from '../../core/types.js'
import type { IdleContainer } from './given-up.js'

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
