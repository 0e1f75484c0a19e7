/** The search for the largest packet that a path lets through: no I/O of its own. */

const TRIES = 3

export interface Range {
  /** what every path lets through */
  readonly least: number
  /** what the interface says */
  readonly most: number
}

/** Sends so many packets of a size; how many were answered, undefined: they could not be sent. */
export type Echo = (size: number, count: number) => Promise<number | undefined>

/**
 * @returns the largest size that passes, `most` if all is well; undefined: it cannot be told, as
 *   nothing is answered or packets get lost now and then
 */
export async function findPathMtu(echo: Echo, { least, most }: Range): Promise<number | undefined> {
  if (most <= least) return undefined
  for (let turn = 0; turn < TRIES; turn += 1) {
    const full = await echo(most, 1)
    if (full === undefined) return undefined
    if (full > 0) return most
    if (((await echo(least, 1)) ?? 0) === 0) return undefined
  }
  const found = await largest(echo, { least, most })
  // A path that was only full for a while is none that is narrow.
  const isNarrow = (await echo(most, TRIES)) === 0 && ((await echo(found, TRIES)) ?? 0) > 0
  return isNarrow ? found : undefined
}

/** By halves: `least` passes and `most` does not. */
async function largest(echo: Echo, { least, most }: Range): Promise<number> {
  let passes = least
  let lost = most
  while (lost - passes > 1) {
    const size = Math.floor((passes + lost) / 2)
    if (((await echo(size, TRIES)) ?? 0) > 0) passes = size
    else lost = size
  }
  return passes
}
