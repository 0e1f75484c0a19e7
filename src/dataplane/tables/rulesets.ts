/** Which tables of nf_tables a place has, and what a plan wants in them. */
import { HOST, type Place, type Plan } from '../../core/plan.js'
import type { Ruleset } from '../nft/ruleset.js'
import type { SetElement } from '../nft/table.js'
import { ISOLATION, isolationElements } from './isolation.js'
import { HOST_SOURCE_CHECK, SOURCE_CHECK, sourceElements } from './source-check.js'
import { STRANGERS, strangersElements, strangersRuleset } from './strangers.js'
import { TRANSLATION, translationElements } from './translation.js'

interface PlaceTable {
  readonly purpose: string
  readonly ruleset: Ruleset
  /** what its sets are to have; undefined: no such table is wanted */
  readonly elements: (plan: Plan) => readonly SetElement[] | undefined
  /** where its rules depend on the plan */
  readonly rulesetOf?: (plan: Plan) => Ruleset
}

const IN_SANDBOX: readonly PlaceTable[] = [
  {
    purpose: 'containers keep to their own MAC and addresses',
    ruleset: SOURCE_CHECK,
    elements: ({ sources }) => sourceElements(sources),
  },
]

const IN_HOST: readonly PlaceTable[] = [
  {
    purpose: 'VXLAN packets come from hosts of the cluster only',
    ruleset: STRANGERS,
    elements: ({ strangers }) => strangers && strangersElements(strangers),
    rulesetOf: ({ strangers }) => (strangers ? strangersRuleset(strangers.port) : STRANGERS),
  },
  {
    purpose: 'containers of routed networks keep to their own MAC and addresses',
    ruleset: HOST_SOURCE_CHECK,
    elements: ({ sources }) => sourceElements(sources),
  },
  {
    purpose: 'routed networks are kept apart',
    ruleset: ISOLATION,
    elements: ({ domains, trunk }) => isolationElements(domains, trunk),
  },
  {
    purpose: 'masquerade and published ports of routed networks',
    ruleset: TRANSLATION,
    elements: ({ domains }) => translationElements(domains),
  },
]

export function tablesOf(place: Place): readonly PlaceTable[] {
  return place === HOST ? IN_HOST : IN_SANDBOX
}
