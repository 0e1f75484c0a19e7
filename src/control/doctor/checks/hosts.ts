/** Hosts of the cluster as they answer: whether they do, their version, their clock. Pure. */
import type { HostReport } from '../../../core/admin/hosts.js'
import { type Found, failed, ok, warning } from '../check.js'

/** Certificates and logs of several hosts suffer from it. */
const CLOCK_MS = 2_000

export interface AskedHost {
  readonly host: string
  readonly id: string
  /** how long it took (ms) */
  readonly tookMs: number
  /** its clock less this host's, halfway between question and answer (ms) */
  readonly offsetMs?: number
  readonly version?: string
  /** why it has not answered */
  readonly silent?: string
}

export function judgeSilence(
  asked: readonly AskedHost[],
  records: readonly HostReport[],
): readonly Found[] {
  const alive = new Set(records.filter(({ alive }) => alive).map(({ id }) => id))
  const found = asked.flatMap(({ host, id, silent }) => {
    if (silent === undefined) return []
    const runs = alive.has(id)
    return [
      failed(
        `host ${host}`,
        silent,
        runs
          ? `on ${host}: docker plugin ls, and docker plugin upgrade where it is of an older version`
          : `start ${host} and its plugin: docker plugin enable; if it will not come back: tsoverlay host rm ${id}`,
      ),
    ]
  })
  return found.length > 0 ? found : [ok('', `all ${asked.length} hosts answer`)]
}

export function judgeVersions(asked: readonly AskedHost[], own: string): readonly Found[] {
  const others = asked.filter(({ version }) => version !== undefined && version !== own)
  if (others.length === 0) return [ok('', `all hosts have version ${own}`)]
  return others.map(({ host, version }) =>
    warning(
      `host ${host}`,
      `its plugin is of version ${version}, this host's of ${own}`,
      'docker plugin upgrade on the older one, one host after the other',
    ),
  )
}

export function judgeClocks(asked: readonly AskedHost[]): readonly Found[] {
  const found = asked.flatMap(({ host, offsetMs = 0, tookMs }) => {
    // What the way there and back took may all be on one side.
    if (Math.abs(offsetMs) - tookMs / 2 <= CLOCK_MS) return []
    const seconds = (Math.abs(offsetMs) / 1000).toFixed(1)
    return [
      warning(
        `host ${host}`,
        `its clock is ${seconds} s ${offsetMs > 0 ? 'ahead of' : 'behind'} this host's`,
        'have both keep time: timedatectl set-ntp true',
      ),
    ]
  })
  return found.length > 0 ? found : [ok('', 'the clocks of all hosts agree')]
}
