/** A trace as people read it: pure. */
import { brokenAt } from '../../core/admin/broken-hop.js'
import type { Hop, TraceReport } from '../../core/admin/trace.js'
import { table } from './table.js'

const MARKS = { ok: 'ok', warning: 'warn', failed: 'FAIL', unknown: '?' } as const

export function traceText({ from, to, hops }: TraceReport): string {
  const rows = hops.map((hop) => [
    MARKS[hop.verdict as keyof typeof MARKS] ?? hop.verdict,
    hop.host,
    `${hop.back === true ? '< ' : ''}${hop.hop}`,
    hop.about,
    hop.says,
  ])
  return `${from} to ${to}\n${table(rows)}\n${conclusion(hops)}`
}

function conclusion(hops: readonly Hop[]): string {
  const broken = brokenAt(hops)
  if (broken !== undefined) {
    const place = `${broken.hop} ${broken.about} on ${broken.host}`
    return `broken at ${place}: ${broken.says}\n${mendOf(broken)}`
  }
  const doubtful = hops.filter(({ verdict }) => verdict !== 'ok')
  if (doubtful.length === 0) return 'all is well on this way\n'
  const all = doubtful.map(({ host, hop, about, says }) => `  ${hop} ${about} on ${host}: ${says}`)
  return `nothing is broken as far as it can be seen; to be looked at:\n${all.join('\n')}\n`
}

function mendOf({ mend }: Hop): string {
  return mend === undefined ? '' : `mend: on ${mend.host}: ${mend.command}\n`
}
