/** dockerd's networks by its unix socket. */
import { createInterface } from 'node:readline'
import { finished } from 'node:stream/promises'
import Docker from 'dockerode'
import { linked, untilAborted, withLimit } from '../../core/deadline.js'
import { messageOf } from '../../core/errors.js'
import type { DockerNetworkId, EndpointId } from '../../core/types.js'
import { changesIn, nameEventIn } from './docker-events.js'
import type { DockerNames, ListedContainer, NamedContainer, NameEvent } from './docker-names.js'
import type {
  AddressPool,
  Attached,
  DockerChange,
  DockerContainer,
  DockerContents,
  DockerNetwork,
  DockerNetworks,
  NewNetwork,
} from './docker-networks.js'
import type { DockerSandboxes, RunningContainer } from './docker-sandboxes.js'
import {
  attachedOf,
  bare,
  fromDocker,
  isInfo,
  isIpv6Alone,
  namedOf,
  ownName,
  pluginIn,
  poolOfInfo,
  runningOf,
  stateOf,
  toDocker,
} from './docker-shapes.js'
import type { IdleContainer, IdleContainers } from './docker-starts.js'
import type { ContainerState, DockerStates } from './docker-states.js'

const CALL_MS = 10_000
/** dockerd waits for our IPAM and for our driver meanwhile. */
const CREATE_MS = 60_000

export class DockerApi
  implements
    DockerNetworks,
    DockerContents,
    IdleContainers,
    DockerNames,
    DockerSandboxes,
    DockerStates
{
  readonly #docker: Docker

  /** @param socketPath such as /run/docker.sock; nobody has to listen there yet */
  constructor(socketPath: string) {
    this.#docker = new Docker({ socketPath })
  }

  async list(signal: AbortSignal): Promise<readonly DockerNetwork[]> {
    const networks = await withLimit(CALL_MS, signal, (abortSignal) =>
      this.#docker.listNetworks({ abortSignal }),
    )
    return networks.map(fromDocker)
  }

  async containers(signal: AbortSignal): Promise<readonly DockerContainer[]> {
    const containers = await withLimit(CALL_MS, signal, (abortSignal) =>
      this.#docker.listContainers({ all: true, abortSignal }),
    )
    return containers.map(({ Id, NetworkSettings }) => ({
      id: Id,
      networks: Object.entries(NetworkSettings?.Networks ?? {}).map(([name, { NetworkID }]) => ({
        name,
        id: NetworkID,
      })),
    }))
  }

  async idle(
    networks: ReadonlySet<DockerNetworkId>,
    signal: AbortSignal,
  ): Promise<readonly IdleContainer[]> {
    const listed = await withLimit(CALL_MS, signal, (abortSignal) =>
      this.#docker.listContainers({ all: true, filters: { status: ['exited'] }, abortSignal }),
    )
    const found: IdleContainer[] = []
    for (const { Id, NetworkSettings } of listed) {
      const on = Object.values(NetworkSettings?.Networks ?? {})
      if (!on.some(({ NetworkID }) => networks.has(NetworkID))) continue
      const container = await this.#idleContainer(Id, signal)
      if (container !== undefined) found.push(container)
    }
    return found
  }

  async #idleContainer(id: string, signal: AbortSignal): Promise<IdleContainer | undefined> {
    try {
      const { Name, HostConfig, State } = await withLimit(CALL_MS, signal, (abortSignal) =>
        untilAborted(this.#docker.getContainer(id).inspect(), abortSignal, `container ${id}`),
      )
      const restartPolicy = HostConfig.RestartPolicy?.Name ?? ''
      return { id, name: bare(Name), restartPolicy, error: State.Error }
    } catch (error) {
      if (statusOf(error) === 404) return undefined
      throw error
    }
  }

  async start(id: string, signal: AbortSignal): Promise<void> {
    try {
      await withLimit(CREATE_MS, signal, (abortSignal) =>
        this.#docker.getContainer(id).start({ abortSignal }),
      )
    } catch (error) {
      // moby daemon/start.go: it runs, or it is gone.
      if (statusOf(error) === 304 || statusOf(error) === 404) return
      throw error
    }
  }

  async addressPools(signal: AbortSignal): Promise<readonly AddressPool[]> {
    const info: unknown = await withLimit(CALL_MS, signal, (limit) =>
      untilAborted(this.#docker.info(), limit, 'docker info'),
    )
    return isInfo(info) ? (info.DefaultAddressPools ?? []).flatMap(poolOfInfo) : []
  }

  async endpointIds(signal: AbortSignal): Promise<ReadonlySet<EndpointId>> {
    const containers = await withLimit(CALL_MS, signal, (abortSignal) =>
      this.#docker.listContainers({ all: true, abortSignal }),
    )
    const networks = containers.flatMap(({ NetworkSettings }) =>
      Object.values(NetworkSettings?.Networks ?? {}),
    )
    return new Set(networks.map(({ EndpointID }) => EndpointID))
  }

  async endpointsOf(
    network: DockerNetworkId,
    signal: AbortSignal,
  ): Promise<ReadonlySet<EndpointId>> {
    try {
      // dockerode cannot cut this call off: whoever waits for it can go.
      const found = await withLimit(CALL_MS, signal, (limit) =>
        untilAborted(this.#docker.getNetwork(network).inspect(), limit, `network ${network}`),
      )
      // One without a container is listed as `ep-<id>`, with its id as well
      // (moby api/server/router/network buildDetailedNetworkResources).
      const endpoints = Object.values(found.Containers ?? {})
      return new Set(endpoints.map(({ EndpointID }) => EndpointID))
    } catch (error) {
      if (statusOf(error) === 404) return new Set()
      throw error
    }
  }

  async create(network: NewNetwork, signal: AbortSignal): Promise<DockerNetworkId> {
    const options = {
      Name: network.name,
      Driver: network.driver,
      // Without it, dockerd before 25 would make a second one of the same name.
      CheckDuplicate: true,
      Options: network.options,
      Labels: network.labels,
      IPAM: {
        Driver: network.ipamDriver,
        Options: network.ipamOptions,
        Config: network.pools.map(toDocker),
      },
      Internal: network.internal,
      Attachable: network.attachable,
      EnableIPv6: network.ipv6,
      // Without the word dockerd from 28 on wants a subnet of IPv4; those before do not know the word.
      ...(isIpv6Alone(network) ? { EnableIPv4: false } : {}),
    }
    const made = await withLimit(CREATE_MS, signal, (abortSignal) =>
      this.#docker.createNetwork({ ...options, abortSignal }),
    )
    return made.id
  }

  async remove(id: DockerNetworkId, signal: AbortSignal): Promise<boolean> {
    try {
      await withLimit(CREATE_MS, signal, (abortSignal) =>
        this.#docker.getNetwork(id).remove({ abortSignal }),
      )
      return true
    } catch (error) {
      const status = statusOf(error)
      if (status === 404) return true
      // moby daemon/libnetwork/error.go: ActiveEndpointsError is a "forbidden".
      if (status === 403) return false
      throw error
    }
  }

  async attached(network: DockerNetwork, signal: AbortSignal): Promise<readonly Attached[]> {
    const found = await this.#until(this.#docker.getNetwork(network.id).inspect(), signal)
    // One that is just starting is listed as `ep-<id>`.
    const ids = Object.keys(found.Containers ?? {}).filter((id) => !id.startsWith('ep-'))
    return Promise.all(
      ids.map(async (id) => {
        const container = await this.#until(this.#docker.getContainer(id).inspect(), signal)
        return attachedOf(container, network.name)
      }),
    )
  }

  async isAwaited({ id, name }: DockerNetwork, signal: AbortSignal): Promise<boolean> {
    const filters = { status: ['created'] }
    const containers = await withLimit(CALL_MS, signal, (abortSignal) =>
      this.#docker.listContainers({ all: true, filters, abortSignal }),
    )
    return containers.some(
      ({ HostConfig, NetworkSettings }) =>
        [id, name].includes(HostConfig.NetworkMode ?? '') ||
        NetworkSettings?.Networks?.[name] !== undefined,
    )
  }

  async disconnect(
    network: DockerNetworkId,
    container: string,
    signal: AbortSignal,
  ): Promise<void> {
    const options = { Container: container, Force: false }
    await this.#until(this.#docker.getNetwork(network).disconnect(options), signal).catch(
      (error: unknown) => {
        if (statusOf(error) !== 404 && !/is not connected/.test(messageOf(error))) throw error
      },
    )
  }

  async connect(network: DockerNetworkId, attached: Attached, signal: AbortSignal): Promise<void> {
    const { ipv4, ipv6 } = attached.fixed
    const options = {
      Container: attached.container,
      EndpointConfig: {
        Aliases: [...attached.aliases],
        Links: [...attached.links],
        DriverOpts: { ...attached.driverOptions },
        IPAMConfig: {
          ...(ipv4 === undefined ? {} : { IPv4Address: ipv4 }),
          ...(ipv6 === undefined ? {} : { IPv6Address: ipv6 }),
        },
      },
    }
    await this.#until(this.#docker.getNetwork(network).connect(options), signal).catch(
      (error: unknown) => {
        if (!/already exists in network|No such container/i.test(messageOf(error))) throw error
      },
    )
  }

  /** dockerode cannot cut these calls off: whoever waits for one can go. */
  #until<T>(call: Promise<T>, signal: AbortSignal): Promise<T> {
    return withLimit(CREATE_MS, signal, (limit) => untilAborted(call, limit, 'dockerd'))
  }

  async running(signal: AbortSignal): Promise<readonly ListedContainer[]> {
    const containers = await withLimit(CALL_MS, signal, (abortSignal) =>
      this.#docker.listContainers({ abortSignal }),
    )
    return containers.map(({ Id, Names, NetworkSettings }) => ({
      id: Id,
      name: ownName(Names),
      endpoints: Object.values(NetworkSettings?.Networks ?? {}).map(({ EndpointID }) => EndpointID),
    }))
  }

  async states(signal: AbortSignal): Promise<readonly ContainerState[]> {
    const containers = await withLimit(CALL_MS, signal, (abortSignal) =>
      this.#docker.listContainers({ all: true, abortSignal }),
    )
    return containers.map(stateOf)
  }

  async pluginName(signal: AbortSignal): Promise<string | undefined> {
    const found = await withLimit(CALL_MS, signal, (limit) =>
      untilAborted(this.#docker.listPlugins(), limit, 'docker plugin ls'),
    )
    return pluginIn(found)
  }

  async attachedContainers(signal: AbortSignal): Promise<readonly RunningContainer[]> {
    const containers = await withLimit(CALL_MS, signal, (abortSignal) =>
      this.#docker.listContainers({ abortSignal }),
    )
    return containers.map(runningOf)
  }

  async sandboxOf(container: string, signal: AbortSignal): Promise<string | undefined> {
    const call = this.#docker.getContainer(container).inspect()
    try {
      const { NetworkSettings } = await untilAborted(call, signal, 'dockerd')
      return NetworkSettings.SandboxKey?.split('/').at(-1) || undefined
    } catch (error) {
      if (statusOf(error) === 404) return undefined
      throw error
    }
  }

  async named(container: string, signal: AbortSignal): Promise<NamedContainer | undefined> {
    try {
      // Longer than a start: a second call would wait beside the first one.
      return namedOf(await this.#until(this.#docker.getContainer(container).inspect(), signal))
    } catch (error) {
      if (statusOf(error) === 404) return undefined
      throw error
    }
  }

  async followNames(
    onConnected: () => void,
    onEvent: (event: NameEvent) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const filters = { type: ['network', 'container'], event: ['connect', 'start', 'rename'] }
    await this.#events(filters, signal, async (stream) => {
      const lines = createInterface({ input: stream })
      // The stream's own errors, which `finished` tells.
      lines.on('error', () => undefined)
      lines.on('line', (line) => {
        const event = nameEventIn(line)
        if (event !== undefined) onEvent(event)
      })
      onConnected()
      await finished(stream)
    })
  }

  async follow(onChange: (what: DockerChange) => void, signal: AbortSignal): Promise<void> {
    const filters = { type: ['network', 'container'], event: ['create', 'destroy'] }
    await this.#events(filters, signal, async (stream) => {
      stream.on('data', (chunk: Buffer) => {
        for (const change of changesIn(`${chunk}`)) onChange(change)
      })
      onChange('network')
      await finished(stream)
    })
  }

  /** Opens a stream of events within the time of a call; then it may last. */
  async #events(
    filters: Readonly<Record<string, string[]>>,
    signal: AbortSignal,
    read: (stream: NodeJS.ReadableStream) => Promise<void>,
  ): Promise<void> {
    const slow = new AbortController()
    const timer = setTimeout(() => slow.abort(), CALL_MS)
    const ends = linked(signal, slow.signal)
    try {
      const stream = await this.#docker.getEvents({ filters, abortSignal: ends.signal })
      clearTimeout(timer)
      await read(stream)
    } finally {
      clearTimeout(timer)
      ends.unlink()
    }
  }
}

function statusOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('statusCode' in error)) return undefined
  return typeof error.statusCode === 'number' ? error.statusCode : undefined
}
