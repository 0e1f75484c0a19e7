/**
 * The one thing of ours in a table of others: where dockerd has set iptables' FORWARD to DROP, rules in
 * its chain DOCKER-USER let through what comes from our bridges and goes to them. What of it may pass
 * was decided by `table inet tsoverlay_routed` before, and a drop there is final.
 *
 * They are written as iptables' own, so `iptables -S` shows them, and they stand behind all of the
 * user's. Nothing is made where there is no DOCKER-USER: docker has not asked for its rules yet, or it
 * uses nftables (29 on) and sets no policy. Where `iptables -F` took away the jump to the chain, but not
 * FORWARD's policy, they are in FORWARD itself until dockerd has put it back.
 *
 * dockerd (26.1) deletes the jump and puts it anew with each network that is made, of whichever driver. So that nothing is lost in these milliseconds, FORWARD ends with rules of ours that let through
 * what belongs to a known connection: what a user's rules drop never becomes one.
 */

import { readFileSync } from 'node:fs'
import { type Item, itemText } from '../../core/item.js'
import { HOST_LINKS } from '../../core/names.js'
import type { ApplyFailure } from '../../core/ports.js'
import type { TableResult } from '../failure.js'
import { refused } from '../failure.js'
import { ABSENT, IP_FAMILIES, readChains } from '../nft/chains.js'
import { HOOK, NFPROTO, VERDICT } from '../nft/constants.js'
import { Generation } from '../nft/generation.js'
import type { ChainState } from '../nft/messages.js'
import { decodeGeneration, getGeneration, inBatch } from '../nft/messages.js'
import type { RuleState } from '../nft/rules.js'
import { decodeRule, deleteRule, dumpRules, putRule } from '../nft/rules.js'
import type { BatchSocket, RtnlMessage } from '../rtnl/rtnl.js'
import { ALL, ANSWERS, COMMENT, isPassing, type PassingRule } from './passing-rules.js'

const ITEM: Item = { in: 'rules', name: 'rules in DOCKER-USER and FORWARD' }
const USER_CHAIN = 'DOCKER-USER'
const FORWARD = 'FORWARD'
const FILTER = 'filter'
const FAMILIES = [NFPROTO.IPV4, NFPROTO.IPV6] as const

const LEGACY_COMMANDS = ['-i', '-o']
  .map((way) => `iptables-legacy -I ${USER_CHAIN} ${way} ${HOST_LINKS.bridge}+ -j ACCEPT`)
  .join(' && ')
const LEGACY_TABLES = '/proc/thread-self/net/ip_tables_names'

/** Tables of the legacy iptables that somebody has used in the calling thread's namespace. */
export function readLegacyTables(): readonly string[] {
  try {
    return readFileSync(LEGACY_TABLES, 'utf8')
      .split('\n')
      .filter((name) => name !== '')
  } catch {
    // a kernel without them
    return []
  }
}

/** What docker put at the end of the chain before version 28. */
const BARE_RETURN = `immediate ${VERDICT.RETURN}`
const JUMP = `immediate ${VERDICT.JUMP} ${USER_CHAIN}`

/** A chain of iptables, and which rules of ours it is to have at its end. */
interface Target {
  readonly family: number
  readonly chain: string
  readonly rules: readonly RuleState[]
  readonly wanted: readonly PassingRule[]
}

export class DockerUser {
  readonly #generation: Generation
  #wanted = false
  /** of the packets that are at stake */
  #families: readonly number[] = FAMILIES
  #resync = true
  #mark: number | undefined
  /** how often ours are in a chain, as of the last look */
  #installed = 0
  #closedBy: string | undefined
  #hasUserChain = false

  /** @param generation of the namespace, shared with its tables of ours */
  constructor(generation = new Generation()) {
    this.#generation = generation
  }

  /**
   * @param wanted whether there are bridges of ours
   * @param families of their networks: what is dropped of others is no obstacle
   */
  setDesired(wanted: boolean, families: readonly number[] = FAMILIES): void {
    if (this.#wanted !== wanted || this.#families.join() !== families.join()) this.#mark = undefined
    this.#wanted = wanted
    this.#families = families
  }

  /** The next apply looks whether others have changed any rules since. */
  queueResync(): void {
    this.#resync = true
  }

  /** Whether the rules of this namespace are of a generation that others have made. */
  isContradicted(generation: number): boolean {
    return this.#mark !== undefined && !this.#generation.isOurs(this.#mark, generation)
  }

  /**
   * What others on this host may do against the packets of our bridges that no rule here prevents, with
   * what helps; for people.
   * @param legacy names of iptables' tables of the kind before nf_tables
   */
  obstacle(legacy: readonly string[]): string | undefined {
    if (!this.#wanted) return undefined
    if (legacy.includes(FILTER) && !this.#hasUserChain) {
      return `iptables of the legacy kind, which tsoverlay cannot write: run ${LEGACY_COMMANDS}`
    }
    if (this.#closedBy === undefined) return undefined
    return `${this.#closedBy} drops what it does not know: let it accept packets from and to ${HOST_LINKS.bridge}*`
  }

  /**
   * What is refused is tried once more after the rules were read anew.
   * @throws TsoverlayError KERNEL_FAILED when the kernel cannot be read
   */
  async apply(socket: BatchSocket): Promise<TableResult> {
    if (this.#mark !== undefined && !this.#resync) return NOTHING
    const first = await this.#pass(socket)
    return first.failures.length === 0 ? first : this.#pass(socket)
  }

  async #pass(socket: BatchSocket): Promise<TableResult> {
    const reply = await socket.get(getGeneration(), ABSENT)
    const generation = reply && decodeGeneration(reply)
    this.#resync = false
    if (generation === undefined || this.#generation.isOurs(this.#mark, generation)) return NOTHING
    const before = this.#installed
    const targets = await this.#targets(socket)
    const found = targets.filter((one) => one.wanted.length > 0 && isAsWanted(one)).length
    const messages = targets.flatMap(changes)
    if (messages.length > 0) {
      const code = await socket.batch(inBatch(messages))
      if (code !== undefined) return this.#refusal(code)
      this.#generation.advance()
    }
    this.#mark = this.#generation.markAt(generation) + (messages.length > 0 ? 1 : 0)
    this.#installed = targets.filter(({ wanted }) => wanted.length > 0).length
    return { written: messages.length, drift: Math.max(0, before - found), failures: [] }
  }

  #refusal(code: string): TableResult {
    this.#resync = true
    this.#mark = undefined
    const failure: ApplyFailure = { item: ITEM, error: refused(itemText(ITEM), code) }
    return { written: 0, drift: 0, failures: [failure] }
  }

  async #targets(socket: BatchSocket): Promise<readonly Target[]> {
    const chains = await readChains(socket)
    this.#closedBy = closedBy(chains, this.#families)
    this.#hasUserChain = chains.some(({ table, name }) => table === FILTER && name === USER_CHAIN)
    const targets: Target[] = []
    for (const family of FAMILIES) {
      const here = chains.filter((one) => one.family === family && one.table === FILTER)
      targets.push(...(await this.#targetsOf(socket, family, here)))
    }
    return targets
  }

  async #targetsOf(
    socket: BatchSocket,
    family: number,
    chains: readonly ChainState[],
  ): Promise<readonly Target[]> {
    const read = async (chain: string): Promise<readonly RuleState[] | undefined> => {
      if (!chains.some(({ name }) => name === chain)) return undefined
      const parts = await socket.dump(dumpRules({ family, table: FILTER }, chain), ABSENT)
      return parts.map(decodeRule)
    }
    const [forward, user] = [await read(FORWARD), await read(USER_CHAIN)]
    if (forward === undefined) return []
    const isReached = forward.some(({ says }) => says.endsWith(JUMP))
    const isHere = this.#wanted && user !== undefined
    const kept = isReached ? ANSWERS : ALL
    return [
      { family, chain: FORWARD, rules: forward, wanted: isHere ? kept : [] },
      ...(user === undefined
        ? []
        : [{ family, chain: USER_CHAIN, rules: user, wanted: isHere && isReached ? ALL : [] }]),
    ]
  }
}

const NOTHING: TableResult = { written: 0, drift: 0, failures: [] }

/** Each of ours is there once, in order, and behind them are only bare returns; no other one of ours is. */
function isAsWanted({ rules, wanted }: Target): boolean {
  const end = rules.findLastIndex(({ says }) => says !== BARE_RETURN) + 1
  const last = rules.slice(Math.max(0, end - wanted.length), end)
  return (
    rules.filter(isPassing).length === wanted.length &&
    wanted.every(({ says }, at) => last[at]?.says === says && last[at]?.comment === COMMENT)
  )
}

function changes(target: Target): readonly RtnlMessage[] {
  const { family, chain, rules, wanted } = target
  if (isAsWanted(target)) return []
  const table = { family, table: FILTER }
  const found = rules.filter(isPassing)
  const others = rules.filter((one) => !isPassing(one))
  const end = others.findLastIndex(({ says }) => says !== BARE_RETURN) + 1
  const put = wanted.map(({ expressions }) =>
    putRule(table, chain, { expressions, comment: COMMENT }, others[end]?.handle),
  )
  return [...put, ...found.map(({ handle }) => deleteRule(table, chain, handle))]
}

/** firewalld has it while it reloads, for a fraction of a second. */
const PASSING_TABLE = 'firewalld_policy_drop'

/** A chain that forwards nothing by itself, where none of our rules is. */
function closedBy(chains: readonly ChainState[], families: readonly number[]): string | undefined {
  const isDocker = (family: number): boolean =>
    chains.some((one) => one.family === family && one.table === FILTER && one.name === USER_CHAIN)
  const found = chains.find(
    ({ family, table, name, hook, policy }) =>
      hook === HOOK.INET_FORWARD &&
      policy === VERDICT.DROP &&
      (family === NFPROTO.INET || families.includes(family)) &&
      table !== PASSING_TABLE &&
      !(table === FILTER && name === FORWARD && isDocker(family)),
  )
  return found && `chain ${found.name} of table ${IP_FAMILIES[found.family]} ${found.table}`
}
