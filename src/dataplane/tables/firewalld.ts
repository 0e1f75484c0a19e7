/**
 * Whether firewalld, where it runs, refuses packets of ours, for people: nothing is written here. Its
 * table is its own (`flags owner`), it comes after all others (filter + 10), and what it does not know
 * it rejects, also what DOCKER-USER has accepted. docs/backends.md says what to type.
 *
 * Its rules are read when anybody's have changed. Some packets are tried on them, so that whatever lets
 * them through counts: a zone with our bridges or with the network's addresses, or none at all.
 */
import { familyOf, ipOf } from '../../core/ip.js'
import type { Domain, Plan, StrangersPlan } from '../../core/plan.js'
import type { Logger } from '../../core/ports.js'
import type { TableResult } from '../failure.js'
import { ABSENT } from '../nft/chains.js'
import { HOOK, NFPROTO } from '../nft/constants.js'
import type { Generation } from '../nft/generation.js'
import { decodeChain, decodeGeneration, dumpChains, getGeneration } from '../nft/messages.js'
import type { Packet } from '../nft/packet.js'
import { readRules } from '../nft/whole-table.js'
import { addressBytes } from '../rtnl/codec.js'
import type { BatchSocket } from '../rtnl/rtnl.js'
import { type Firewall, firewalldAdvice } from './firewalld-advice.js'
import { type KernelTable, NOTHING, type Scope } from './kernel-table.js'
import type { Notice } from './notices.js'

const TABLE = { family: NFPROTO.INET, table: 'firewalld' }
const IPPROTO = { TCP: 6, UDP: 17 } as const
/** So many are tried of the networks and of the other hosts: one rule is for all, or one for each. */
const NETWORKS = 16
const PEERS = 3

export class FirewalldTable implements KernelTable {
  readonly name = 'rules'
  readonly #generation: Generation
  readonly #logger: Logger
  #plan: Plan | undefined
  #resync = true
  #mark: number | undefined
  #firewall: Firewall | undefined
  #obstacle: string | undefined
  /** of the packets that were tried last */
  #tried = ''

  /** @param generation of the namespace, shared with its tables of ours */
  constructor(generation: Generation, logger: Logger) {
    this.#generation = generation
    this.#logger = logger
  }

  setDesired(plan: Plan): void {
    this.#plan = plan
  }

  queueResync(): void {
    this.#resync = true
  }

  contradicts(notice: Notice): boolean {
    return (
      notice.kind === 'rules' &&
      this.#mark !== undefined &&
      !this.#generation.isOurs(this.#mark, notice.generation)
    )
  }

  /** Never rejects: what people are told is no condition for links and routes. */
  async apply({ netfilter }: Scope): Promise<TableResult> {
    const { domains = [], strangers, trunk } = this.#plan ?? {}
    const forwarded = domains.slice(0, NETWORKS).flatMap((one) => packetsOf(one, trunk))
    const tunnelled = packetsFromPeers(strangers, trunk)
    if (netfilter === undefined || forwarded.length + tunnelled.length === 0) return this.#rest()
    try {
      const isNews = await this.#read(netfilter)
      const key = JSON.stringify([forwarded, tunnelled])
      if (isNews || key !== this.#tried) {
        this.#tried = key
        this.#tell(this.#firewall && firewalldAdvice(this.#firewall, forwarded, tunnelled))
      }
    } catch (err) {
      this.#resync = true
      this.#logger.debug({ err }, "firewalld's rules cannot be read")
    }
    return this.#obstacle === undefined ? NOTHING : { ...NOTHING, obstacle: this.#obstacle }
  }

  /** Nobody's packets are at stake: others may change their rules as they like. */
  #rest(): TableResult {
    this.#mark = undefined
    this.#resync = true
    this.#obstacle = undefined
    return NOTHING
  }

  /** @returns whether it may be another firewall now */
  async #read(socket: BatchSocket): Promise<boolean> {
    if (this.#mark !== undefined && !this.#resync) return false
    const reply = await socket.get(getGeneration(), ABSENT)
    const generation = reply && decodeGeneration(reply)
    this.#resync = false
    if (generation === undefined || this.#generation.isOurs(this.#mark, generation)) return false
    this.#firewall = await readFirewall(socket)
    this.#mark = this.#generation.markAt(generation)
    return true
  }

  /** Once, until it is another one. */
  #tell(obstacle: string | undefined): void {
    if (obstacle !== undefined && obstacle !== this.#obstacle)
      this.#logger.warn({ by: obstacle }, 'packets between hosts are refused by this host')
    this.#obstacle = obstacle
  }
}

async function readFirewall(socket: BatchSocket): Promise<Firewall | undefined> {
  const all = (await socket.dump(dumpChains(TABLE), ABSENT)).map(decodeChain)
  const at = (hook: number): readonly string[] =>
    all.filter((one) => one.table === TABLE.table && one.hook === hook).map(({ name }) => name)
  const [forward, input] = [at(HOOK.INET_FORWARD), at(HOOK.INET_INPUT)]
  if (forward.length + input.length === 0) return undefined
  return { forward, input, rules: await readRules(socket, TABLE, ABSENT) }
}

/** A container asks one of another host, and is asked. */
function packetsOf({ bridge, tunnel, ranges }: Domain, trunk: string | undefined): Packet[] {
  const other = tunnel ?? trunk
  if (other === undefined) return []
  return ranges.flatMap((range) => {
    const address = addressBytes(ipOf(range))
    const common = { source: address, destination: address, protocol: IPPROTO.TCP }
    return [
      { ...common, from: bridge, to: other },
      { ...common, from: other, to: bridge },
    ]
  })
}

/** Another host sends VXLAN packets to this one. */
function packetsFromPeers(plan: StrangersPlan | undefined, trunk: string | undefined): Packet[] {
  const [self, ...peers] = plan?.vteps ?? []
  if (plan === undefined || self === undefined || trunk === undefined || plan.vnis.length === 0)
    return []
  return peers
    .filter((peer) => familyOf(peer) === familyOf(self))
    .slice(0, PEERS)
    .map((peer) => ({
      from: trunk,
      source: addressBytes(peer),
      destination: addressBytes(self),
      protocol: IPPROTO.UDP,
      port: plan.port,
    }))
}
