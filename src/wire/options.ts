/** What the program's parts are made of. */
import type { DockerNames } from '../control/dockerd/docker-names.js'
import type { DockerContents, DockerNetworks } from '../control/dockerd/docker-networks.js'
import type { DockerSandboxes } from '../control/dockerd/docker-sandboxes.js'
import type { IdleContainers } from '../control/dockerd/docker-starts.js'
import type { DockerStates } from '../control/dockerd/docker-states.js'
import type { HostPorts } from '../control/endpoints/host-ports.js'
import type { Greeting } from '../control/hosts/greeting.js'
import type { Identified } from '../control/hosts/identify.js'
import type { NamesParts } from '../control/names/names.js'
import type { Config, StoreConfig } from '../core/config.js'
import type { Meter } from '../core/meter.js'
import type { Dataplane, Logger, Store } from '../core/ports.js'

/** All that control asks dockerd. */
export type Docker = DockerNetworks &
  DockerContents &
  DockerNames &
  DockerStates &
  DockerSandboxes &
  IdleContainers

/** In milliseconds; each absent one is as its part has it. */
export interface Times {
  /** how long a sandbox and its list of peers outlive the last container */
  readonly lingerMs?: number
  /** how long new blocks wait after the store has lost data; 0: nobody looks whether it has */
  readonly graceMs?: number
  /** how long the links of containers that have left stay */
  readonly delayMs?: number
  /** how long a record in the store has to look like nobody's */
  readonly staleMs?: number
}

export interface WireOptions {
  readonly config: Omit<Config, 'store' | 'logLevel' | 'metrics'> & {
    readonly store: Pick<StoreConfig, 'endpoints'>
  }
  readonly paths: {
    /** kept over restarts and reboots */
    readonly data: string
    /** the host's /run/tsoverlay */
    readonly run: string
  }
  /** as it is; what is written in this host's name goes through the one of `identified` */
  readonly store: Store
  readonly identified: Identified
  readonly dataplane: Dataplane
  readonly docker: Docker
  /** Begins to answer names in a container's namespace. */
  readonly serve: NamesParts['serve']
  readonly greeting: Pick<Greeting, 'greet'>
  /** what programs of this host listen on */
  readonly hostPorts: HostPorts
  readonly logger: Logger
  readonly meter?: Meter
  readonly times?: Times
}
