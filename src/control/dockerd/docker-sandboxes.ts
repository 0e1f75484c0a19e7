/** The part of the Docker API that tells which container has which network namespace. */
import type { DockerNetworks } from './docker-networks.js'

export interface RunningContainer {
  readonly id: string
  readonly name: string
  /** its networks: what docker calls each, and the MAC that the container has there */
  readonly attachments: readonly { readonly name: string; readonly mac: string }[]
  /** it runs with `--network host` */
  readonly isOnHost: boolean
  /** id of the container in whose namespace it is (`--network container:…`) */
  readonly shares?: string
}

/** `sandboxOf` lasts as long as its signal lets it; the others end within their own deadlines, too. */
export interface DockerSandboxes extends Pick<DockerNetworks, 'list'> {
  /** Those that run. */
  attachedContainers(signal: AbortSignal): Promise<readonly RunningContainer[]>
  /**
   * Name of the file of the container's namespace; undefined: it has none, or is gone. While it starts,
   * dockerd answers at the end of that.
   */
  sandboxOf(container: string, signal: AbortSignal): Promise<string | undefined>
}
