/** What events are made of. */
import type { Store } from '../../core/ports.js'
import type { Problem } from '../troubles/problems.js'

export interface EventsParts {
  readonly store: Store
  /** what is not well on this host */
  readonly problems: { list(): readonly Problem[] }
  /** whether the store takes this host's announcement */
  readonly presence: { readonly reached: boolean }
}
