/** What a check is: it looks, and a pure function of its file judges what it has seen. */
import type { Finding } from '../../core/admin/doctor.js'

/** A finding, but for who has found it by which check. */
export type Found = Omit<Finding, 'host' | 'name'> & { readonly host?: string }

export interface Check {
  readonly name: string
  /** @returns one at least; whatever it throws is a finding, too */
  look(signal: AbortSignal): Promise<readonly Found[]>
}

export const ok = (about: string, says: string): Found => ({ about, verdict: 'ok', says, mend: '' })
export const warning = (about: string, says: string, mend: string): Found => ({
  about,
  verdict: 'warning',
  says,
  mend,
})
export const failed = (about: string, says: string, mend: string): Found => ({
  about,
  verdict: 'failed',
  says,
  mend,
})

/** That all is well is said once, where nothing else is. */
export function orOk(found: readonly Found[], says: string): readonly Found[] {
  return found.length > 0 ? found : [ok('', says)]
}
