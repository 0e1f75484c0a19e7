/** The wall time of a trace from a container of one host to one of another. */
import type { Host } from '../lab/host.js'
import { tookOf, tsoverlay, wayInto } from './cli-took.js'
import type { Row } from './measurement.js'
import { interleaved, median } from './statistics.js'

const ROUNDS = 15

/** @param verb `trace web db` @throws Error if a hop is not well */
export async function traces(
  host: Host,
  verb: string,
  log: (line: string) => void,
): Promise<readonly Row[]> {
  const trace = () => tookOf(() => tsoverlay(host, verb))
  const took = await interleaved(ROUNDS, { trace, way: wayInto(host) }, log)
  const ours = (median(took.trace) - median(took.way)) / 1_000
  return [
    {
      what: 'tsoverlay trace, between two hosts',
      unit: 's',
      ours,
      goal: { is: '<=', value: 1 },
    },
  ]
}
