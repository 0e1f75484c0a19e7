/**
 * Which address ranges this host uses itself: its routes, and the networks of its dockerd. They stand
 * in the store, so that a subnet chosen on any host is free on all. Networks of the cluster that do
 * not go with them are problems, here and (troubles/trouble-board.ts) on the other hosts.
 */
import { messageOf, TsoverlayError } from '../../core/errors.js'
import type { Cidr } from '../../core/ip.js'
import type { Dataplane, HostRoute, Logger, Store } from '../../core/ports.js'
import type { NetworkKey } from '../../core/types.js'
import { type Binding, documents } from '../../state/documents.js'
import type { Identity } from '../../state/identity.js'
import type { Journal } from '../../state/journal.js'
import { keys } from '../../state/keys.js'
import {
  type AddressPool,
  type DockerNetwork,
  type DockerNetworks,
  GATEWAY_BRIDGE,
} from '../dockerd/docker-networks.js'
import { OwnDocument } from '../troubles/own-document.js'
import {
  choiceOfDockerd,
  clashOf,
  describeRange,
  gatewayClash,
  type Range,
  rangesOf,
} from './ranges.js'

/** Routes come and go in groups; dockerd makes a network's bridge before it lists the network. */
const SETTLE_MS = 300
const RETRY_MS = 5_000
/** A look without a cause, should a cause have been missed. */
const SLOW_MS = 60_000

export interface OwnRangesParts {
  readonly docker: Pick<DockerNetworks, 'list' | 'addressPools'>
  readonly dataplane: Pick<Dataplane, 'hostRoutes' | 'hasInterfaces'>
  readonly store: Store
  readonly identity: Identity
  readonly journal: Journal
  /** told all networks that do not go with this host's ranges, by name */
  readonly onProblems: (problems: ReadonlyMap<string, string>) => void
  /** network sync is on, and will tell what it sees */
  readonly isSynced: boolean
  readonly logger: Logger
}

export class OwnRanges {
  readonly #parts: OwnRangesParts
  readonly #document: OwnDocument
  readonly #closing = new AbortController()
  #docker: readonly DockerNetwork[] = []
  #pools: readonly AddressPool[] = []
  #listed: string | undefined
  /** undefined: network sync has not told yet */
  #chosen: ReadonlySet<NetworkKey> | undefined
  #ranges: readonly Range[] = []
  #timer: NodeJS.Timeout | undefined
  #looking: Promise<void> | undefined

  constructor(parts: OwnRangesParts) {
    this.#parts = parts
    const { store, identity, logger } = parts
    this.#document = new OwnDocument({ store, key: keys.ranges(identity.id), logger })
  }

  start(): void {
    this.#again(0)
  }

  /** Links, addresses or routes of the host have changed. */
  hostChanged(): void {
    this.#again(SETTLE_MS)
  }

  /**
   * What dockerd has, from network sync, which has just asked it.
   * @param chosen networks whose subnet some host's dockerd hands out addresses of
   */
  dockerListed(networks: readonly DockerNetwork[], chosen: ReadonlySet<NetworkKey>): void {
    this.#docker = networks
    this.#chosen = chosen
    this.#again(0)
  }

  /** The store has lost data. */
  rewrite(): void {
    this.#document.rewrite()
  }

  /** As of this moment; what is not in the kernel as of the last look. */
  async now(): Promise<readonly Range[]> {
    return this.#rangesOf(await this.#parts.dataplane.hostRoutes())
  }

  /** Whether a network's subnet may be dockerd's own choice. */
  isChosen(ipam: Binding['ipam']): (pool: Cidr) => boolean {
    return choiceOfDockerd(ipam, this.#pools)
  }

  /**
   * Refuses a container that could not start, in other words than runc's. One that has an interface
   * already may get out by that one, without docker_gwbridge.
   * @param sandboxKey path of the container's namespace
   * @throws TsoverlayError POOL_OVERLAP
   */
  async refuseStart(binding: Binding, sandboxKey: string | undefined): Promise<void> {
    if (gatewayClash(binding.network, this.#ranges) === undefined) return
    const clash = gatewayClash(binding.network, await this.now())
    if (clash === undefined) return
    const { dataplane } = this.#parts
    if (sandboxKey !== undefined && (await dataplane.hasInterfaces(sandboxKey))) return
    throw new TsoverlayError(
      'POOL_OVERLAP',
      `the container cannot start: ${textOf(binding, clash)}`,
    )
  }

  async close(): Promise<void> {
    this.#closing.abort()
    clearTimeout(this.#timer)
    await this.#looking
    await this.#document.close()
  }

  #again(ms: number): void {
    if (this.#closing.signal.aborted) return
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#run(), ms)
    this.#timer.unref()
  }

  #run(): void {
    const before = this.#looking ?? Promise.resolve()
    const look = before.then(() => this.#look())
    this.#looking = look
  }

  async #look(): Promise<void> {
    const { dataplane, identity, logger } = this.#parts
    let next = SLOW_MS
    try {
      const routes = await dataplane.hostRoutes()
      await this.#askDockerd(JSON.stringify(routes)).catch((error: unknown) => {
        logger.debug({ err: messageOf(error) }, 'networks of dockerd not listed')
        next = RETRY_MS
      })
      this.#ranges = this.#rangesOf(routes)
      const { name } = identity
      this.#document.set(documents.ranges.encode({ name, ranges: [...this.#ranges] }))
      this.#report()
    } catch (error) {
      logger.debug({ err: messageOf(error) }, 'routes of the host not read')
      next = RETRY_MS
    }
    this.#again(next)
  }

  /** Only when the routes are others than those seen with the last list. */
  async #askDockerd(routes: string): Promise<void> {
    if (this.#listed === routes) return
    const { docker } = this.#parts
    const { signal } = this.#closing
    this.#pools = await docker.addressPools(signal)
    this.#docker = await docker.list(signal)
    this.#listed = routes
  }

  #rangesOf(routes: readonly HostRoute[]): readonly Range[] {
    const { journal } = this.#parts
    return rangesOf(this.#docker, routes, (id) => journal.bindings.get(id) !== undefined)
  }

  #report(): void {
    const problems = new Map<string, string>()
    const { journal, isSynced } = this.#parts
    if (isSynced && this.#chosen === undefined) return
    for (const binding of journal.bindings.values()) {
      const ipam = this.#chosen?.has(binding.network.key) === true ? 'docker' : binding.ipam
      const clash = clashOf(binding.network, this.#ranges, this.isChosen(ipam))
      if (clash !== undefined) problems.set(nameOf(binding), textOf(binding, clash))
    }
    this.#parts.onProblems(problems)
  }
}

function nameOf({ name, network }: Binding): string {
  return name ?? network.identity
}

function textOf(binding: Binding, clash: NonNullable<ReturnType<typeof clashOf>>): string {
  const { pool, with: range } = clash
  const what = `subnet ${pool} of network ${nameOf(binding)} overlaps ${describeRange(range)}`
  if (range.kind !== 'gateway')
    return `${what}: containers on this network do not reach what is in that range, and the other way round; move one of the two`
  return binding.network.internal
    ? `${what}: move one of the two`
    : `${what}, which its containers have as well: stop the containers that use ${GATEWAY_BRIDGE} and remove it (docker network rm ${GATEWAY_BRIDGE}), or create the network anew with another --subnet`
}
