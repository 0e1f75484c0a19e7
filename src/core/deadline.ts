/** Waiting that ends with the caller's deadline. */
import { TsoverlayError } from './errors.js'

/**
 * The promise's outcome, unless `signal` aborts first; the work itself goes on.
 * @param what named in the error
 * @throws TsoverlayError DEADLINE_EXCEEDED
 */
export async function untilAborted<T>(
  promise: Promise<T>,
  signal: AbortSignal,
  what: string,
): Promise<T> {
  const tooLate = (): TsoverlayError =>
    new TsoverlayError('DEADLINE_EXCEEDED', `waiting for ${what} took too long`)
  if (signal.aborted) {
    // Nobody waits for it any more, so nobody else would handle its failure.
    promise.catch(() => undefined)
    throw tooLate()
  }
  let onAbort = (): void => undefined
  const aborted = new Promise<never>((_resolve, reject) => {
    onAbort = () => reject(tooLate())
    signal.addEventListener('abort', onAbort, { once: true })
  })
  try {
    return await Promise.race([promise, aborted])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

/** Waits for the promise, but at most `ms`; @returns false when it took longer. */
export async function within(promise: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), ms)
  })
  try {
    return await Promise.race([promise.then(() => true), late])
  } finally {
    clearTimeout(timer)
  }
}

/**
 * Runs `work` with a signal that aborts after `ms`, or earlier with `signal`.
 *
 * Not `AbortSignal.any([signal, AbortSignal.timeout(ms)])`: Node 20 and later may collect such a
 * signal while somebody waits for it, and then it never aborts (nodejs/node#57736).
 * @param signal undefined: nothing but the time ends it
 */
export async function withLimit<T>(
  ms: number,
  signal: AbortSignal | undefined,
  work: (limited: AbortSignal) => Promise<T>,
): Promise<T> {
  const limit = new AbortController()
  const abort = (): void => limit.abort(signal?.reason)
  const timer = setTimeout(() => limit.abort(new DOMException(`${ms} ms`, 'TimeoutError')), ms)
  signal?.addEventListener('abort', abort)
  if (signal?.aborted === true) abort()
  try {
    return await work(limit.signal)
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', abort)
  }
}

/** A signal that aborts with the first of two; `unlink` aborts it too and lets go of them. */
export function linked(
  a: AbortSignal,
  b: AbortSignal,
): { readonly signal: AbortSignal; readonly unlink: () => void } {
  const stop = new AbortController()
  const unlink = () => {
    for (const signal of [a, b]) signal.removeEventListener('abort', unlink)
    stop.abort()
  }
  for (const signal of [a, b]) signal.addEventListener('abort', unlink)
  if (a.aborted || b.aborted) unlink()
  return { signal: stop.signal, unlink }
}

/** A pause of `ms` that ends early, without an error, when `signal` aborts or has aborted. */
export function rest(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done)
    if (signal.aborted) done()
  })
}
