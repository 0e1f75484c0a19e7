/** Apart from trace.ts, as the CLI must not read the schemas' library: it would start half as fast. */
import type { Hop } from './trace.js'

/** The first hop that packets do not get past. */
export function brokenAt(hops: readonly Hop[]): Hop | undefined {
  return hops.find(({ verdict }) => verdict === 'failed')
}
