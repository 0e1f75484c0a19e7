/**
 * Networks of the cluster in the store: the record, its VNIs, and which hosts use it. The last host
 * that leaves removes it. Only this file reads or writes /networks, /vnis, /subnets and /attached.
 */
import { hasCode, TsoverlayError } from '../core/errors.js'
import { poolsOf } from '../core/pools.js'
import type { Change, Entry, Guard, Store, Write } from '../core/ports.js'
import type { DockerNetworkId, HostId, Network, NetworkKey } from '../core/types.js'
import { documents } from './documents.js'
import { keys, SWARM, vniOf } from './keys.js'
import { ownedName, unchanged } from './publications.js'
import { retryConflicts, unreadableError } from './retry.js'

/** Below 4096, where swarm's own overlay networks begin (moby overlay/ovmanager vxlanIDStart). */
const FIRST_VNI = 256
export const LAST_VNI = 16_777_215

export class NetworkRepository {
  readonly #store: Store
  readonly #host: HostId
  readonly #avoid: () => Promise<ReadonlySet<number>>

  /**
   * @param host who attaches: this host, or SWARM for the network's life in swarm
   * @param avoid VNIs that are not chosen, as others than networks of the cluster have them here
   */
  constructor(
    store: Store,
    host: HostId,
    avoid: () => Promise<ReadonlySet<number>> = async () => new Set(),
  ) {
    this.#store = store
    this.#host = host
    this.#avoid = avoid
  }

  async find(key: NetworkKey, signal?: AbortSignal): Promise<Network | undefined> {
    const entry = await this.#store.get(keys.network(key), signal)
    return entry && documents.network.decode(entry.value)
  }

  /** All that can be read. */
  async all(signal?: AbortSignal): Promise<readonly Network[]> {
    const { entries } = await this.#store.list(keys.networks, signal)
    return entries.flatMap(({ value }) => documents.network.decode(value) ?? [])
  }

  /**
   * As find, for who is about to make it.
   * @throws TsoverlayError STORE_UNREADABLE
   */
  async findReadable(key: NetworkKey, signal?: AbortSignal): Promise<Network | undefined> {
    const entry = await this.#store.get(keys.network(key), signal)
    const network = entry && documents.network.decode(entry.value)
    if (entry === undefined || network !== undefined) return network
    throw unreadableError(entry.key)
  }

  /**
   * Makes the store have a network that this host has, and that this host has it. Its VNIs stay, unless
   * another network has them by now.
   * @returns the network as stored
   * @throws TsoverlayError NETWORK_CONFLICT, STORE_UNREADABLE
   */
  restore(network: Network, id: DockerNetworkId, signal?: AbortSignal): Promise<Network> {
    const { key, segments } = network
    const vnis = segments.map(({ vni }) => vni)
    return retryConflicts(`network ${network.identity}`, signal, async () => {
      const found = await this.findReadable(key, signal)
      if (found !== undefined) {
        const mine = await this.#store.get(keys.attachment(key, this.#host), signal)
        return mine !== undefined || (await this.attach(key, id, signal)) ? found : undefined
      }
      try {
        return (await this.create(network, vnis, id, signal)).made
      } catch (error) {
        if (!hasCode(error, 'VNI_TAKEN')) throw error
        const any = vnis.map(() => undefined)
        return (await this.create(network, any, id, signal)).made
      }
    })
  }

  /**
   * Makes the network with VNIs that nobody has.
   * @param vnis one per segment: a number that the user wants, or undefined = choose
   * @param also what is written with it, asked for anew at each try
   * @returns the network as stored; undefined when another host made one of this key meanwhile
   * @throws TsoverlayError VNI_TAKEN, NETWORK_CONFLICT when another network has one of its subnets
   */
  create(
    network: Network,
    vnis: readonly (number | undefined)[],
    attach: DockerNetworkId | undefined,
    signal?: AbortSignal,
    also: () => Promise<Change> = async () => ({ guards: [], writes: [] }),
  ): Promise<{ readonly made: Network | undefined }> {
    return retryConflicts(`network ${network.identity}`, signal, async () => {
      await this.#refuseSharedSubnets(network, signal)
      const more = await also()
      const chosen = await this.#chooseVnis(vnis, signal)
      const subnets = subnetKeys(network)
      const made: Network = {
        ...network,
        segments: network.segments.map((segment, index) => ({
          ...segment,
          vni: chosen[index] ?? 0,
        })),
      }
      const claims = [keys.network(network.key), ...chosen.map(keys.vni), ...subnets]
      const absent = claims.map((key): Guard => ({ key, is: 'absent' }))
      const guards = [...absent, ...more.guards]
      const writes: Write[] = [
        ...more.writes,
        { put: keys.network(network.key), value: documents.network.encode(made) },
        ...chosen.map((vni) => ({ put: keys.vni(vni), value: network.key })),
        ...subnets.map((key) => ({ put: key, value: network.key })),
        ...(attach === undefined ? [] : this.#attachWrites(network.key, attach)),
      ]
      if ((await this.#store.txn(guards, writes, signal)).done) return { made }
      if ((await this.#store.get(keys.network(network.key), signal)) !== undefined)
        return { made: undefined }
      return undefined
    })
  }

  /** Two networks with one subnet between them would give its addresses to containers apart. */
  async #refuseSharedSubnets(network: Network, signal?: AbortSignal): Promise<void> {
    for (const key of subnetKeys(network)) {
      const owner = (await this.#store.get(key, signal))?.value ?? network.key
      if (owner === network.key) continue
      const other = (await this.find(owner, signal))?.identity ?? 'another network'
      throw new TsoverlayError(
        'NETWORK_CONFLICT',
        `a subnet of ${network.identity} belongs to the network ${other} of this cluster, which has other subnets: give the same --subnet flags on all hosts, or give this network an address space of its own with --ipam-opt network=NAME and -o network=NAME`,
      )
    }
  }

  async #chooseVnis(
    wanted: readonly (number | undefined)[],
    signal?: AbortSignal,
  ): Promise<number[]> {
    const taken = new Set((await this.#store.keys(keys.vnis, signal)).map(vniOf))
    const avoid = wanted.includes(undefined) ? await this.#avoid() : new Set()
    const chosen: number[] = []
    for (const want of wanted) {
      if (want !== undefined && taken.has(want)) throw await this.#vniTaken(want, signal)
      let vni = want ?? FIRST_VNI
      while (want === undefined && (taken.has(vni) || avoid.has(vni))) vni += 1
      if (vni > LAST_VNI)
        throw new TsoverlayError('VNI_TAKEN', `no VNI from ${FIRST_VNI} to ${LAST_VNI} is free`)
      taken.add(vni)
      chosen.push(vni)
    }
    return chosen
  }

  async #vniTaken(vni: number, signal?: AbortSignal): Promise<TsoverlayError> {
    const key = (await this.#store.get(keys.vni(vni), signal))?.value ?? ''
    const owner = await this.find(key, signal)
    const name = owner?.identity ?? 'another network'
    return new TsoverlayError(
      'VNI_TAKEN',
      `VNI ${vni} is taken by the network ${name}: choose another number from 1 to ${LAST_VNI}, or leave it out`,
    )
  }

  /**
   * Notes that this host uses the network.
   * @returns false when the network is gone
   */
  async attach(key: NetworkKey, network: DockerNetworkId, signal?: AbortSignal): Promise<boolean> {
    const guard: Guard = { key: keys.network(key), is: 'present' }
    return (await this.#store.txn([guard], this.#attachWrites(key, network), signal)).done
  }

  #attachWrites(key: NetworkKey, dockerNetwork: DockerNetworkId): Write[] {
    const value = documents.attachment.encode({ dockerNetwork })
    return [
      { put: keys.networkGate(key), value: this.#host },
      { put: keys.attachment(key, this.#host), value },
    ]
  }

  /** Whether swarm has the network still: from AllocateNetwork to FreeNetwork. */
  async isAllocated(key: NetworkKey, signal?: AbortSignal): Promise<boolean> {
    return (await this.#store.get(keys.attachment(key, SWARM), signal)) !== undefined
  }

  /** This host uses the network no longer; the last one out removes it, its VNIs and endpoints. */
  async detach(key: NetworkKey, signal?: AbortSignal): Promise<void> {
    await retryConflicts(`network ${key}`, signal, async () => {
      const gate = await this.#store.get(keys.networkGate(key), signal)
      const attached = await this.#store.keys(keys.attachments(key), signal)
      const mine = keys.attachment(key, this.#host)
      const last = attached.every((other) => other === mine)
      const removal = last ? await this.#removal(key, signal) : undefined
      const writes: Write[] = [
        { delete: mine },
        { deletePrefix: keys.hostEndpoints(key, this.#host) },
        // The gate is written also by who is not the last: of two that leave at once, one is.
        ...(removal?.writes ?? [{ put: keys.networkGate(key), value: this.#host }]),
      ]
      const guard: Guard =
        gate === undefined
          ? { key: keys.networkGate(key), is: 'absent' }
          : { key: gate.key, is: 'unchanged', revision: gate.revision }
      const guards = [guard, ...(removal?.guards ?? [])]
      return (await this.#store.txn(guards, writes, signal)).done ? true : undefined
    })
  }

  async #removal(
    key: NetworkKey,
    signal?: AbortSignal,
  ): Promise<{ guards: Guard[]; writes: Write[] }> {
    const network = await this.find(key, signal)
    const name = await ownedName(this.#store, key, signal)
    const writes: Write[] = [
      { delete: keys.network(key) },
      { delete: keys.networkGate(key) },
      { deletePrefix: keys.endpoints(key) },
      { delete: keys.publication(key) },
      ...(network?.segments ?? []).map((segment) => ({ delete: keys.vni(segment.vni) })),
      ...(name === undefined ? [] : [{ delete: name.key }]),
      ...(network === undefined ? [] : subnetKeys(network)).map((key) => ({ delete: key })),
    ]
    // Another network may be taking the name over.
    return { guards: name === undefined ? [] : [unchanged(name)], writes }
  }
}

/** What a network that is known by its subnets claims; a named one has an address space alone. */
function subnetKeys(network: Network): string[] {
  return network.identity.startsWith('pools:') ? poolsOf(network).map(keys.subnet) : []
}

/** Entries of endpoints of one network that belong to one host. */
export function isOfHost(entry: Pick<Entry, 'key'>, key: NetworkKey, host: HostId): boolean {
  return entry.key.startsWith(keys.hostEndpoints(key, host))
}
