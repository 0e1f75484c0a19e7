/** Runs checks beside each other: one that fails or hangs is a finding, and the others' come. */
import type { Finding } from '../../core/admin/doctor.js'
import { untilAborted, withLimit } from '../../core/deadline.js'
import { messageOf } from '../../core/errors.js'
import { type Check, type Found, ok, warning } from './check.js'

/** Of 200 hosts no list is wanted that says "ok" of each. */
const MOST_OK = 8

/** @param host whose findings they are, where they do not say it themselves */
export async function runChecks(
  checks: readonly Check[],
  host: string,
  limitMs: number,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const all = await Promise.all(checks.map((check) => runOne(check, host, limitMs, signal)))
  return all.flat()
}

async function runOne(
  { name, look }: Check,
  host: string,
  limitMs: number,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const found = await withLimit(limitMs, signal, async (limited) => {
    try {
      return collapsed(await untilAborted(look(limited), limited, `the check ${name}`))
    } catch (error) {
      return [warning('', `it could not be looked at: ${messageOf(error)}`, 'ask again')]
    }
  })
  return found.map((each) => ({ host, name, ...each }))
}

function collapsed(found: readonly Found[]): readonly Found[] {
  const well = found.filter(({ verdict }) => verdict === 'ok')
  if (well.length <= MOST_OK) return found
  const rest = found.filter(({ verdict }) => verdict !== 'ok')
  return [...rest, ok('', `${well.length} are well, as ${well[0]?.about}: ${well[0]?.says}`)]
}
