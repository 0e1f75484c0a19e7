/** Between the Docker API's documents and ours: pure. */
import type Docker from 'dockerode'
import { parseCidr } from '../../core/ip.js'
import type { NamedContainer } from './docker-names.js'
import type {
  AddressPool,
  Attached,
  DockerNetwork,
  DockerPool,
  NewNetwork,
} from './docker-networks.js'
import type { RunningContainer } from './docker-sandboxes.js'
import type { ContainerState } from './docker-states.js'

export function namedOf({
  Id,
  Name,
  Config,
  NetworkSettings,
}: Docker.ContainerInspectInfo): NamedContainer {
  const networks: Readonly<Record<string, Docker.EndpointSettings | null>> =
    NetworkSettings.Networks ?? {}
  return {
    id: Id,
    name: bare(Name),
    hostname: Config.Hostname,
    isTask: Config.Labels?.['com.docker.swarm.task.id'] !== undefined,
    attachments: Object.entries(networks).map(([networkName, settings]) => ({
      endpoint: settings?.EndpointID ?? '',
      network: settings?.NetworkID ?? '',
      networkName,
      aliases: settings?.Aliases ?? [],
    })),
  }
}

/** A name without the slash that the API puts before it. */
export function bare(name: string): string {
  return name.replace(/^\//, '')
}

export function stateOf({
  Id,
  Names,
  State,
  NetworkSettings,
}: Docker.ContainerInfo): ContainerState {
  const networks = Object.entries(NetworkSettings?.Networks ?? {})
  return {
    id: Id,
    name: ownName(Names),
    status: State,
    endpoints: networks.flatMap(([, { EndpointID }]) => EndpointID || []),
    networks: networks.map(([name]) => name),
  }
}

/** The socket by which dockerd knows us (config.json). */
const PLUGIN_SOCKET = 'tsoverlay.sock'

/** @param plugins what GET /plugins answers */
export function pluginIn(plugins: unknown): string | undefined {
  const all: readonly unknown[] = Array.isArray(plugins) ? plugins : []
  const found = all.find((one) => isPlugin(one) && one.Config.Interface.Socket === PLUGIN_SOCKET)
  return isPlugin(found) ? found.Name : undefined
}

interface Plugin {
  readonly Name: string
  readonly Config: { readonly Interface: { readonly Socket: string } }
}

function isPlugin(one: unknown): one is Plugin {
  if (typeof one !== 'object' || one === null || !('Name' in one) || !('Config' in one))
    return false
  const { Config: config } = one
  return typeof config === 'object' && config !== null && 'Interface' in config
}

/** Of all names of a container its own: those that links make have a second slash. */
export function ownName(names: readonly string[]): string {
  return bare(names.find((name) => !bare(name).includes('/')) ?? '')
}

export function runningOf({
  Id,
  Names,
  HostConfig,
  NetworkSettings,
}: Docker.ContainerInfo): RunningContainer {
  const networks: Readonly<Record<string, Docker.NetworkInfo | null>> =
    NetworkSettings?.Networks ?? {}
  const mode = HostConfig.NetworkMode ?? ''
  const shares = mode.startsWith('container:') ? mode.slice('container:'.length) : undefined
  return {
    id: Id,
    name: ownName(Names),
    attachments: Object.entries(networks).map(([name, info]) => ({
      name,
      mac: (info?.MacAddress ?? '').toLowerCase(),
    })),
    isOnHost: mode === 'host',
    ...(shares === undefined ? {} : { shares }),
  }
}

export function attachedOf(container: Docker.ContainerInspectInfo, network: string): Attached {
  const { Id, Name, NetworkSettings } = container
  const settings: Docker.EndpointSettings | undefined = NetworkSettings.Networks[network]
  const { IPAMConfig: fixed } = settings ?? {}
  return {
    container: Id,
    name: bare(Name),
    // dockerd adds the short id by itself.
    aliases: (settings?.Aliases ?? []).filter((alias) => !Id.startsWith(alias)),
    links: settings?.Links ?? [],
    driverOptions: settings?.DriverOpts ?? {},
    fixed: {
      ...(fixed?.IPv4Address ? { ipv4: fixed.IPv4Address } : {}),
      ...(fixed?.IPv6Address ? { ipv6: fixed.IPv6Address } : {}),
    },
  }
}

interface Info {
  /** moby api/types/system Info */
  readonly DefaultAddressPools?: readonly { readonly Base: string; readonly Size: number }[] | null
}

export function isInfo(info: unknown): info is Info {
  return typeof info === 'object' && info !== null
}

export function poolOfInfo({ Base, Size }: { Base: string; Size: number }): AddressPool[] {
  const base = parseCidr(Base)
  return base === undefined ? [] : [{ base, size: Size }]
}

type Pool = NonNullable<NonNullable<Docker.NetworkInspectInfo['IPAM']>['Config']>[number]

export function fromDocker(network: Docker.NetworkInspectInfo): DockerNetwork {
  return {
    id: network.Id,
    name: network.Name,
    ...createdOf(network.Created),
    driver: network.Driver,
    options: network.Options ?? {},
    labels: network.Labels ?? {},
    ipamDriver: network.IPAM?.Driver ?? 'default',
    ipamOptions: network.IPAM?.Options ?? {},
    pools: (network.IPAM?.Config ?? []).flatMap(poolFromDocker),
    internal: network.Internal,
    attachable: network.Attachable,
    ipv6: network.EnableIPv6,
  }
}

export function isIpv6Alone({ ipv6, pools }: NewNetwork): boolean {
  return ipv6 && pools.length > 0 && pools.every(({ subnet }) => subnet.includes(':'))
}

function createdOf(text: string | undefined): { readonly created?: number } {
  const created = Date.parse(text ?? '')
  return Number.isNaN(created) ? {} : { created }
}

function poolFromDocker(pool: Pool): DockerPool[] {
  if (!pool.Subnet) return []
  const aux: Record<string, string> = {}
  for (const [name, address] of Object.entries(pool.AuxiliaryAddresses ?? {})) {
    if (address !== undefined) aux[name] = address
  }
  return [
    {
      subnet: pool.Subnet,
      aux,
      ...(pool.Gateway ? { gateway: pool.Gateway } : {}),
      ...(pool.IPRange ? { ipRange: pool.IPRange } : {}),
    },
  ]
}

export function toDocker(pool: DockerPool): Pool {
  return {
    Subnet: pool.subnet,
    AuxiliaryAddresses: { ...pool.aux },
    ...(pool.gateway === undefined ? {} : { Gateway: pool.gateway }),
    ...(pool.ipRange === undefined ? {} : { IPRange: pool.ipRange }),
  }
}
