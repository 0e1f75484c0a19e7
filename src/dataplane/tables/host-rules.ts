/** All rules of the host's own namespace, in order of work: before the links that they are about. */
import { familyOf } from '../../core/ip.js'
import type { Plan } from '../../core/plan.js'
import type { Logger } from '../../core/ports.js'
import type { TableResult } from '../failure.js'
import { Generation } from '../nft/generation.js'
import { DockerUser, readLegacyTables } from './docker-user.js'
import { FAMILIES, PROTOCOL } from './domain-sets.js'
import { FirewalldTable } from './firewalld.js'
import { ISOLATION, isolationElements } from './isolation.js'
import { type KernelTable, NOTHING, type Scope } from './kernel-table.js'
import type { Notice } from './notices.js'
import { RuleTable } from './rule-table.js'
import { HOST_SOURCE_CHECK, sourceElements } from './source-check.js'
import { StrangersTable } from './strangers.js'
import { TRANSLATION, translationElements } from './translation.js'

export function hostRules(logger: Logger): readonly KernelTable[] {
  const generation = new Generation()
  return [
    new StrangersTable(generation),
    new RuleTable({
      ruleset: HOST_SOURCE_CHECK,
      item: 'source check of routed networks',
      generation,
      elements: (plan) => sourceElements(plan.sources),
      onUnsupported: (err) =>
        logger.error({ err }, 'no source check, the kernel has no nftables for bridges'),
    }),
    new RuleTable({
      ruleset: ISOLATION,
      item: 'isolation of routed networks',
      generation,
      elements: (plan) => isolationElements(plan.domains, plan.trunk),
      onUnsupported: (err) =>
        logger.error({ err }, 'routed networks are not kept apart, the kernel refused the rules'),
    }),
    new RuleTable({
      ruleset: TRANSLATION,
      item: 'masquerade and ports of routed networks',
      generation,
      elements: (plan) => translationElements(plan.domains),
      onUnsupported: (err) =>
        logger.error(
          { err },
          'no masquerade and no ports of routed networks, the kernel refused them',
        ),
    }),
    new DockerUserTable(generation, logger),
    new FirewalldTable(generation, logger),
  ]
}

class DockerUserTable implements KernelTable {
  readonly name = 'rules'
  readonly #rules: DockerUser
  #wanted = false
  readonly #logger: Logger
  /** nothing of ours is there and none is wanted: others may change their rules as they like */
  #isClean = false
  #obstacle: string | undefined

  constructor(generation: Generation, logger: Logger) {
    this.#rules = new DockerUser(generation)
    this.#logger = logger
  }

  setDesired({ links, domains = [] }: Plan): void {
    this.#wanted = links.some(({ kind }) => kind === 'bridge')
    const ranges = domains.flatMap((domain) => domain.ranges)
    const families = FAMILIES.filter((family) => ranges.some((range) => familyOf(range) === family))
    this.#rules.setDesired(
      this.#wanted,
      families.map((family) => PROTOCOL[family]),
    )
  }

  queueResync(): void {
    this.#rules.queueResync()
  }

  contradicts(notice: Notice): boolean {
    if (notice.kind !== 'rules' || this.#isClean) return false
    return this.#rules.isContradicted(notice.generation)
  }

  async apply({ netfilter, inside }: Scope): Promise<TableResult> {
    if (netfilter === undefined || (this.#isClean && !this.#wanted)) return NOTHING
    const result = await this.#rules.apply(netfilter)
    this.#isClean = !this.#wanted && result.failures.length === 0
    const obstacle = this.#wanted ? this.#rules.obstacle(inside(readLegacyTables)) : undefined
    this.#tell(obstacle)
    return obstacle === undefined ? result : { ...result, obstacle }
  }

  /** Once, until it is another one. */
  #tell(obstacle: string | undefined): void {
    if (obstacle !== undefined && obstacle !== this.#obstacle)
      this.#logger.warn({ by: obstacle }, 'packets of routed networks may be dropped by this host')
    this.#obstacle = obstacle
  }
}
