/** Optimistic transactions: read, decide, write if nothing changed, else again. */
import { TsoverlayError } from '../core/errors.js'

const ATTEMPTS = 64

/**
 * Calls `attempt` until it returns something.
 * @param what named in the error
 * @param attempt undefined = a guard did not hold; whatever it throws ends the loop
 * @throws TsoverlayError STORE_CONFLICT after 64 attempts, DEADLINE_EXCEEDED when `signal` aborts
 */
export async function retryConflicts<T>(
  what: string,
  signal: AbortSignal | undefined,
  attempt: () => Promise<T | undefined>,
): Promise<T> {
  for (let count = 0; count < ATTEMPTS; count += 1) {
    if (signal?.aborted) {
      throw new TsoverlayError('DEADLINE_EXCEEDED', `no decision on ${what} before the deadline`)
    }
    const result = await attempt()
    if (result !== undefined) return result
    // Who lost a race waits a little longer each time, so that crowds thin out.
    if (count > 0) await new Promise((resolve) => setTimeout(resolve, Math.random() * 4 * count))
  }
  throw new TsoverlayError(
    'STORE_CONFLICT',
    `other hosts kept changing ${what}: gave up after ${ATTEMPTS} attempts`,
  )
}

/** The value of a key was written by another version, or by somebody else. */
export function unreadableError(key: string): TsoverlayError {
  return new TsoverlayError(
    'STORE_UNREADABLE',
    `this version of tsoverlay cannot read what is under ${key} in the store: install the same version on all hosts, or delete the key when nobody uses it`,
  )
}
