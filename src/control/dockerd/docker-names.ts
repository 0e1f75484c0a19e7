/** The part of the Docker API that tells names; docker-api.ts is the real one. */
import type { DockerNetworkId, EndpointId } from '../../core/types.js'

/** A container with all that Docker's DNS calls it by. */
export interface NamedContainer {
  readonly id: string
  /** without Docker's slash */
  readonly name: string
  readonly hostname: string
  /** swarm runs it: the aliases are the service's, and swarm answers them */
  readonly isTask: boolean
  readonly attachments: readonly Attachment[]
}

export interface Attachment {
  readonly endpoint: EndpointId
  readonly network: DockerNetworkId
  /** what docker calls the network */
  readonly networkName: string
  readonly aliases: readonly string[]
}

/** A running container, as a listing has it. */
export interface ListedContainer {
  readonly id: string
  readonly name: string
  readonly endpoints: readonly EndpointId[]
}

/** What makes names new. */
export interface NameEvent {
  readonly what: 'connect' | 'start' | 'rename'
  readonly container: string
  /** of a connect */
  readonly network?: DockerNetworkId
}

/** Every call ends within its own deadline, or soon after `signal` aborts. */
export interface DockerNames {
  running(signal: AbortSignal): Promise<readonly ListedContainer[]>
  /** undefined: it is gone. While a container starts, dockerd answers at the end of that. */
  named(container: string, signal: AbortSignal): Promise<NamedContainer | undefined>
  /** Calls back when it has connected and after each event; returns when cut off. */
  followNames(
    onConnected: () => void,
    onEvent: (event: NameEvent) => void,
    signal: AbortSignal,
  ): Promise<void>
}
