/** Routed networks as dockerds and the store have them: what the hosts' kernels are compared with. */
import { storeValues } from '../e2e/traces.js'
import { idOf } from '../lab/clone.js'
import type { Host } from '../lab/host.js'
import type { Lab } from '../lab/lab.js'

/** A host that has blocks: one of the lab, or one that was there before. */
export interface Owner {
  readonly id: string
  readonly vtep: string
  /** absent: it is off, or of another disk */
  readonly host?: Host
}

export interface RoutedBlock {
  /** `10.20.1.0/24` */
  readonly range: string
  readonly owner: Owner
}

export interface RoutedNetwork {
  readonly name: string
  readonly subnet: string
  /** the first ten digits of the key that the store has it by */
  readonly key: string
  readonly vni: number
  readonly encap: 'always' | 'cross-subnet' | 'never'
  readonly blocks: readonly RoutedBlock[]
}

/** What `docker network inspect` says of one. */
export interface DockerNetwork {
  readonly Name: string
  readonly Options: Readonly<Record<string, string>>
  readonly IPAM: { readonly Config: readonly { readonly Subnet: string }[] | null }
}

interface Stored {
  readonly key: string
  readonly segments: readonly {
    readonly vni: number
    readonly subnets: readonly { readonly pool: string }[]
  }[]
}

/** Those of the names that a host has. */
export async function dockerNetworks(
  host: Host,
  names: readonly string[],
): Promise<DockerNetwork[]> {
  // fails for those that are not there, and says the others all the same
  const { stdout } = await host.docker(['network', 'inspect', ...names], { check: false })
  return JSON.parse(stdout || '[]') as DockerNetwork[]
}

export function isRouted({ Options }: DockerNetwork): boolean {
  return (Options['backend'] ?? 'overlay') !== 'overlay'
}

/** @returns the hosts by their ids, with those that are known to the store alone */
export async function ownersOf(
  lab: Lab,
  vtepOf: (host: Host) => string,
): Promise<ReadonlyMap<string, Owner>> {
  const owners = new Map<string, Owner>()
  for (const [key, value] of await storeValues(lab, 'hosts/')) {
    const id = lastPart(key)
    owners.set(id, { id, vtep: (JSON.parse(value) as { vtep: string }).vtep })
  }
  for (const host of lab.hosts.filter((one) => one.isOn())) {
    const id = await idOf(host)
    owners.set(id, { id, vtep: vtepOf(host), host })
  }
  return owners
}

/** @throws Error for one that the store does not have, or a block that is nobody's */
export async function routedNetworks(
  lab: Lab,
  known: readonly DockerNetwork[],
  owners: ReadonlyMap<string, Owner>,
): Promise<RoutedNetwork[]> {
  const stored = [...(await storeValues(lab, 'networks/')).values()].map(
    (value) => JSON.parse(value) as Stored,
  )
  const blocks = await storeValues(lab, 'blocks/')
  return known.filter(isRouted).map((one) => {
    const subnet = one.IPAM.Config?.[0]?.Subnet ?? ''
    const document = stored.find(({ segments }) =>
      segments.some(({ subnets }) => subnets.some(({ pool }) => pool === subnet)),
    )
    if (document === undefined) throw new Error(`the store does not have ${one.Name}, ${subnet}`)
    return {
      name: one.Name,
      subnet,
      key: document.key.slice(0, 10),
      vni: document.segments[0]?.vni ?? 0,
      encap: encapOf(one),
      blocks: blocksOf(subnet, blocks, owners),
    }
  })
}

function encapOf({ Options }: DockerNetwork): RoutedNetwork['encap'] {
  if (Options['backend'] === 'host-gw') return 'never'
  return (Options['encap'] ?? 'always') as RoutedNetwork['encap']
}

function blocksOf(
  subnet: string,
  blocks: ReadonlyMap<string, string>,
  owners: ReadonlyMap<string, Owner>,
): RoutedBlock[] {
  return [...blocks].flatMap(([key, value]) => {
    if (!key.includes(`/${subnet.replace('/', '-')}/`)) return []
    const range = lastPart(key).replace('-', '/')
    const owner = owners.get((JSON.parse(value) as { host: string }).host)
    if (owner === undefined) throw new Error(`the store has the block ${range} of no host`)
    return [{ range, owner }]
  })
}

const lastPart = (key: string): string => key.slice(key.lastIndexOf('/') + 1)
