/** What a machine keeps over a reboot, and a copy of its disk does not have. */
import { networkInterfaces } from 'node:os'
import type { Dataplane } from '../../core/ports.js'

/** Underlay address and MAC; none while the underlay is not known. */
export async function machineMarks(
  dataplane: Pick<Dataplane, 'underlay'>,
  advertise: string,
): Promise<readonly string[]> {
  const found = await dataplane.underlay(advertise).catch(() => undefined)
  if (found === undefined) return []
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? [])
  const mac = all.find(({ address }) => address === found.vtep)?.mac
  return [found.vtep, ...(mac === undefined || mac === '00:00:00:00:00:00' ? [] : [mac])]
}
