/** Which network of the cluster a creation means, and in which address space its pools are. */
import type { CreateNetworkRequest, PoolData } from '../../core/driver.js'
import { networkOf } from '../../core/ip.js'
import { invalidOption, RENDEZVOUS_OPTION } from '../../core/options.js'
import { freshSpace, isFresh } from '../../core/spaces.js'
import type { Network, NetworkKey } from '../../core/types.js'
import type { Binding, PoolHold } from '../../state/documents.js'
import type { Journal } from '../../state/journal.js'
import type { NetworkKin } from './kin.js'
import type { NetworkOptions } from './options.js'
import { poolsIdentity, swarmIdentity } from './spec.js'

/** What a creation says of addresses. */
export interface Addressing {
  readonly ipam: Binding['ipam']
  readonly holds: readonly PoolHold[]
  readonly space: string
  /** key of the network that network sync creates here; absent: a user does */
  readonly sync?: NetworkKey
}

export interface Meant {
  /** identity of the network */
  readonly text: string
  readonly space: string
}

export interface MeaningParts {
  readonly scope: 'local' | 'global'
  readonly synced: boolean
  readonly kin: NetworkKin
}

/**
 * docs/design/networks.md has the rules.
 * @param space that options and pools name; empty for none
 */
export async function meantOf(
  { id, pools }: CreateNetworkRequest,
  { ipam, space, sync }: Omit<Addressing, 'holds'>,
  { scope, synced, kin }: MeaningParts,
  signal: AbortSignal,
): Promise<Meant> {
  if (scope === 'global') return { text: swarmIdentity(id), space }
  if (sync !== undefined) return meantBy(await kin.synced(sync, signal))
  if (space !== '' && !isFresh(space)) return { text: `name:${space}`, space }
  if (!synced) {
    const network = await kin.ofSubnets(pools, signal)
    return network === undefined ? { text: poolsIdentity(pools), space } : meantBy(network)
  }
  // dockerd chooses the same subnet on many hosts: that one has it says nothing.
  const unpublished = ipam === 'docker' ? undefined : await kin.unpublished(pools, signal)
  if (unpublished !== undefined) return meantBy(unpublished)
  const own = space || freshSpace()
  return { text: `name:${own}`, space: own }
}

function meantBy({ identity, space }: Network): Meant {
  return { text: identity, space }
}

/**
 * The name that the user gave, else one of those that the pools got.
 * @throws TsoverlayError OPTION_INVALID if two names were given
 */
export function spaceOf(options: NetworkOptions, holds: readonly PoolHold[]): string {
  const spaces = holds.map(({ space }) => space)
  const named = spaces.find((space) => space !== '' && !isFresh(space)) ?? ''
  if (options.name === '' && named === '') return spaces[0] ?? ''
  if (options.name === '' || named === '' || named === options.name) return options.name || named
  throw invalidOption(
    '-o',
    RENDEZVOUS_OPTION,
    options.name,
    `the same name as in --ipam-opt ${RENDEZVOUS_OPTION}=${named}`,
  )
}

/**
 * The pools that RequestPool gave for a network a moment ago.
 * @param name that the user gave the network's address space, or empty
 */
export function holdsOf(
  pools: readonly PoolData[],
  journal: Pick<Journal, 'pools'>,
  name: string,
): PoolHold[] {
  const unbound = [...journal.pools.values()].filter((hold) => hold.boundTo === undefined)
  return pools.flatMap((data) => {
    const fitting = unbound.filter(
      (hold) => hold.pool === networkOf(data.pool) && hold.id.startsWith(`${data.addressSpace}|`),
    )
    // The newest one, should another driver's network have the same subnet.
    const space = (fitting.find((hold) => hold.space === name) ?? fitting.at(-1))?.space
    // All of them, should a former try have left one with another IP range.
    return fitting.filter((hold) => hold.space === space)
  })
}
