/** A kernel in memory: what was applied last in each sandbox, and switches to make it refuse. */
import { TsoverlayError } from '../../src/core/errors.js'
import type { Checksums, Refusal } from '../../src/core/host-looks.js'
import type { Cidr, Ip } from '../../src/core/ip.js'
import { type Item, itemText } from '../../src/core/item.js'
import type {
  LinkCounters,
  NamespaceReading,
  PlaceReading,
  RulesReading,
} from '../../src/core/kernel.js'
import type { FdbPlan, LinkPlan, NeighbourPlan, Plan } from '../../src/core/plan.js'
import { HOST } from '../../src/core/plan.js'
import type {
  Announcement,
  ApplyFailure,
  ApplyResult,
  Dataplane,
  HostRoute,
  Miss,
  NamePlace,
} from '../../src/core/ports.js'
import type { Probe, ProbeTarget } from '../../src/core/probe.js'
import type { Underlay } from '../../src/core/types.js'
import type { VxlanDevice } from '../../src/core/vxlan-device.js'
import { FakeLive } from './fake-live.js'
import { FakePath } from './fake-path.js'
import { planText } from './plan-text.js'

type Method = 'apply' | 'remove' | 'list' | 'foreignVxlans' | 'deleteHostLink' | 'underlay'

/** A plan as it was when it was applied. */
interface MadePlan extends Plan {
  readonly neighbours: readonly NeighbourPlan[]
  readonly fdb: readonly FdbPlan[]
}

export class RecordingDataplane implements Dataplane {
  readonly sandboxes = new Map<string, MadePlan>()
  /** each call, as `apply 1-abc` */
  readonly calls: string[] = []
  readonly routeList: Cidr[] = []
  /** device of each route */
  readonly routeDevices = new Map<Cidr, string>()
  /** names of the containers' namespaces that have an interface */
  readonly connected = new Set<string>()
  /** vxlan devices of others on the host */
  readonly foreign: VxlanDevice[] = []
  /** names of the containers' namespaces that live */
  readonly containers = new Set<string>()
  readonly path = new FakePath()
  readonly live = new FakeLive()
  /** what was last wanted in the host's namespace */
  host: Plan | undefined
  /** what the next pass over the host's namespace cannot make */
  hostFailures: readonly ApplyFailure[] = []
  address: Omit<Underlay, 'port'> = { vtep: '192.0.2.1' as Ip, mtu: 1500 }
  /** while set, apply waits for it */
  hang: Promise<void> | undefined
  #listener: (miss: Miss) => void = () => undefined
  /** A container announces an address. */
  hear: (heard: Announcement) => void = () => undefined
  #onDrift: (sandbox: string) => void = () => undefined
  #onHostChange: () => void = () => undefined
  #drift = 0
  readonly #throws = new Map<Method, number>()
  readonly #refused = new Set<string>()

  /** The next n calls of the method reject. */
  failNext(method: Method, n = 1): void {
    this.#throws.set(method, n)
  }

  /** The next apply refuses these items (`link veth1234567`, `neighbour vxlan0 10.0.0.1`). */
  refuseNext(...items: readonly string[]): void {
    for (const item of items) this.#refused.add(item)
  }

  /** The kernel reports an l3miss. */
  miss(miss: Miss): void {
    this.#listener(miss)
  }

  /** The next apply finds so many objects changed. */
  driftNext(objects: number): void {
    this.#drift = objects
  }

  /** Somebody changes something in a sandbox. */
  drift(sandbox: string): void {
    this.#onDrift(sandbox)
  }

  /** Somebody changes the host's links, addresses or routes. */
  changeHost(address: Omit<Underlay, 'port'>): void {
    this.address = address
    this.#onHostChange()
  }

  async apply(plan: Plan): Promise<ApplyResult> {
    if (plan.place === HOST) return this.#applyHost(plan)
    this.#enter('apply', plan.place)
    await this.hang
    const before = this.sandboxes.get(plan.place)
    const kept = plan.partial === true ? before : undefined
    const failures: ApplyFailure[] = []
    const admit = (item: Item): boolean => {
      const text = itemText(item)
      if (!this.#refused.delete(text)) return true
      failures.push({ item, error: new TsoverlayError('KERNEL_FAILED', `${text} was refused`) })
      return false
    }
    // as the kernel does it: a VNI and a port are one device's
    const hasRoom = (link: LinkPlan): boolean => {
      if (link.kind !== 'vxlan' || !this.#isTaken(link.vni, plan.place)) return true
      const error = new TsoverlayError('VNI_TAKEN', `VNI ${link.vni} is taken`)
      failures.push({ item: { in: 'links', name: link.name }, error })
      return false
    }
    const made: MadePlan = {
      place: plan.place,
      links: plan.links.filter((link) => hasRoom(link) && admit({ in: 'links', name: link.name })),
      neighbours: merge(plan.neighbours, kept?.neighbours, ({ dev, ip }) => `${dev} ${ip}`).filter(
        ({ dev, ip }) => admit({ in: 'neighbours', name: `${dev} ${ip}` }),
      ),
      ...(plan.sources === undefined ? {} : { sources: plan.sources }),
      fdb: merge(plan.fdb, kept?.fdb, ({ dev, mac }) => `${dev} ${mac}`),
    }
    for (const { name } of plan.links) admit({ in: 'stations', name })
    this.sandboxes.set(plan.place, made)
    const drift = this.#drift
    this.#drift = 0
    return { written: countOf(made), drift, failures }
  }

  /** Its calls are not noted: passes over the host's namespace come with every other. */
  async #applyHost(plan: Plan): Promise<ApplyResult> {
    this.host = {
      ...plan,
      neighbours: [...plan.neighbours],
      fdb: [...plan.fdb],
      routes: [...(plan.routes ?? [])],
      proxies: [...(plan.proxies ?? [])],
    }
    const failures = this.hostFailures
    this.hostFailures = []
    return { written: 0, drift: 0, failures }
  }

  async remove(sandbox: string): Promise<void> {
    this.#enter('remove', sandbox)
    this.sandboxes.delete(sandbox)
  }

  queueResync(sandbox: string): void {
    this.calls.push(`resync ${sandbox}`)
  }

  async list(): Promise<readonly string[]> {
    this.#enter('list', '')
    return [...this.sandboxes.keys()]
  }

  async foreignVxlans(): Promise<readonly VxlanDevice[]> {
    this.#enter('foreignVxlans', '')
    return this.foreign
  }

  hasNamespace(name: string): boolean {
    return this.sandboxes.has(name) || this.containers.has(name)
  }

  async deleteHostLink(name: string): Promise<void> {
    this.#enter('deleteHostLink', name)
  }

  async underlay(advertise: string): Promise<Omit<Underlay, 'port'>> {
    this.#enter('underlay', advertise)
    return this.address
  }

  async routes(): Promise<readonly Cidr[]> {
    return this.routeList
  }

  async hostRoutes(): Promise<readonly HostRoute[]> {
    return this.routeList.map((destination) => ({
      destination,
      dev: this.routeDevices.get(destination) ?? 'eth1',
    }))
  }

  async hasInterfaces(name: string): Promise<boolean> {
    return this.connected.has(name)
  }

  /** largest packet that passes, by VTEP; absent: any */
  readonly paths = new Map<Ip, number>()
  readonly lowered = new Map<Ip, number>()

  async echo(_from: Ip, to: Ip, size: number, count: number): Promise<number> {
    return size <= (this.paths.get(to) ?? Number.POSITIVE_INFINITY) ? count : 0
  }

  /** what the kernel lacks, and what it said */
  readonly lacking = new Map<string, string>()
  readonly sysctls = new Map<string, string>([['net/ipv4/ip_forward', '1']])
  refusing: readonly Refusal[] = []
  readonly checksumFacts = new Map<string, Checksums>()

  async lacks(): Promise<ReadonlyMap<string, string>> {
    return this.lacking
  }

  settings(names: readonly string[]): ReadonlyMap<string, string> {
    return new Map([...this.sysctls].filter(([name]) => names.includes(name)))
  }

  async refusals(): Promise<readonly Refusal[]> {
    return this.refusing
  }

  checksums(name: string): Checksums | undefined {
    return this.checksumFacts.get(name)
  }

  /** probes that were sent, and what is done with each: undefined arrives nowhere */
  readonly probes: (readonly [Probe, ProbeTarget])[] = []
  onProbeSent: (probe: Probe, to: ProbeTarget) => string | undefined = () => undefined
  /** who hears what comes out of a vxlan device, by `place dev` */
  readonly ears = new Map<string, (probe: Probe) => void>()

  sendProbe(probe: Probe, to: ProbeTarget): string | undefined {
    this.probes.push([probe, to])
    return this.onProbeSent(probe, to)
  }

  hearProbes(
    place: string,
    dev: string,
    onProbe: (probe: Probe) => void,
  ): (() => void) | undefined {
    const plan = place === HOST ? this.host : this.sandboxes.get(place)
    if (!plan?.links.some(({ name }) => name === dev)) return undefined
    this.ears.set(`${place} ${dev}`, onProbe)
    return () => this.ears.delete(`${place} ${dev}`)
  }

  async pathMtus(): Promise<ReadonlyMap<Ip, number>> {
    return this.lowered
  }

  async setPathMtu(vtep: Ip, mtu: number | undefined): Promise<void> {
    if (mtu === undefined) this.lowered.delete(vtep)
    else this.lowered.set(vtep, mtu)
  }

  /** names of namespaces that are there */
  readonly named = new Set<string>()
  readonly places: FakePlace[] = []
  #onNamespace: (name: string) => void = () => undefined

  async openNames(name: string): Promise<NamePlace | undefined> {
    if (!this.named.has(name)) return undefined
    const place = new FakePlace(name)
    this.places.push(place)
    return place
  }

  onNamespace(listener: (name: string) => void): void {
    this.#onNamespace = listener
  }

  /** dockerd makes a container's namespace. */
  makeNamespace(name: string): void {
    this.named.add(name)
    this.#onNamespace(name)
  }

  /** what is read of the kernel */
  readonly found: NamespaceReading[] = []
  readonly readings = new Map<string, PlaceReading>()
  /** what each plan's rules are */
  wantedRules: readonly RulesReading[] = []

  async namespaces(): Promise<readonly NamespaceReading[]> {
    return this.found
  }

  async read(place: string): Promise<PlaceReading | undefined> {
    return this.readings.get(place)
  }

  /** place → link → what has gone through it */
  readonly counted = new Map<string, ReadonlyMap<string, LinkCounters>>()

  async linkCounters(place: string): Promise<ReadonlyMap<string, LinkCounters> | undefined> {
    return this.counted.get(place)
  }

  rulesOf(): readonly RulesReading[] {
    return this.wantedRules
  }

  onMiss(listener: (miss: Miss) => void): void {
    this.#listener = listener
  }

  onAnnouncement(listener: (heard: Announcement) => void): void {
    this.hear = listener
  }

  onDrift(listener: (sandbox: string) => void): void {
    this.#onDrift = listener
  }

  onHostChange(listener: () => void): void {
    this.#onHostChange = listener
  }

  async close(): Promise<void> {
    this.calls.push('close')
  }

  /** The kernel for people: a line per object, in the order of the plans. */
  toString(): string {
    return [...this.sandboxes.values()].map(planText).join('\n')
  }

  #isTaken(vni: number, sandbox: string): boolean {
    const others = [...this.sandboxes].filter(([name]) => name !== sandbox)
    const links = others.flatMap(([, { links }]) => links.filter(({ kind }) => kind === 'vxlan'))
    return [...links, ...this.foreign].some((link) => 'vni' in link && link.vni === vni)
  }

  #enter(method: Method, what: string): void {
    this.calls.push(`${method} ${what}`.trim())
    const left = this.#throws.get(method) ?? 0
    if (left === 0) return
    this.#throws.set(method, left - 1)
    const code = method === 'underlay' ? 'UNDERLAY_UNKNOWN' : 'KERNEL_FAILED'
    throw new TsoverlayError(code, `${method} ${what} failed on request`)
  }
}

function merge<T>(wanted: Iterable<T>, kept: readonly T[] = [], keyOf: (item: T) => string): T[] {
  return [...new Map([...kept, ...wanted].map((item) => [keyOf(item), item])).values()]
}

function countOf(plan: MadePlan): number {
  return plan.links.length + plan.neighbours.length + plan.fdb.length
}

export class FakePlace implements NamePlace {
  readonly udp = -1
  readonly tcp = -1
  beats = 0
  repairs = 0
  isWell = true
  isOpen = true
  readonly name: string

  constructor(name: string) {
    this.name = name
  }

  openUdp(): number {
    return -1
  }

  openTcp(): number {
    return -1
  }

  beat(): boolean {
    this.beats += 1
    return this.isWell
  }

  async repair(): Promise<void> {
    this.repairs += 1
    this.isWell = true
  }

  async close(): Promise<void> {
    this.isOpen = false
  }
}
