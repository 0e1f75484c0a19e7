/** What `doctor` has found, as people read it: pure. */
import type { Finding } from '../../core/admin/doctor.js'
import { bad, doubtful, good } from '../colour.js'

const ORDER: readonly Finding['verdict'][] = ['failed', 'warning', 'ok']
const PAINTED = { failed: bad, warning: doubtful, ok: good } as const
const WIDTH = 'warning'.length

/** The worst first, each with what mends it under it, and a count at the end. @param verbose also what is well */
export function findingsTable(found: readonly Finding[], verbose: boolean): string {
  const shown = found.filter(({ verdict }) => verbose || verdict !== 'ok')
  const sorted = [...shown].sort((a, b) => compare(a, b))
  return `${sorted.map(findingText).join('')}${summary(found)}\n`
}

function findingText({ host, name, about, verdict, says, mend }: Finding): string {
  const subject = [host, name, ...(about === '' ? [] : [about])].join(' · ')
  const head = `${PAINTED[verdict](verdict.padEnd(WIDTH))}  ${subject}\n`
  const indent = ' '.repeat(WIDTH + 2)
  return `${head}${indent}${says}\n${mend === '' ? '' : `${indent}→ ${mend}\n`}`
}

function summary(found: readonly Finding[]): string {
  const counts = ORDER.map((verdict) => {
    const count = found.filter((each) => each.verdict === verdict).length
    return `${count} ${verdict}`
  })
  const hosts = new Set(found.map(({ host }) => host)).size
  return `${counts.join(', ')} on ${hosts} ${hosts === 1 ? 'host' : 'hosts'}`
}

function compare(a: Finding, b: Finding): number {
  const by = ORDER.indexOf(a.verdict) - ORDER.indexOf(b.verdict)
  if (by !== 0) return by
  const [one, other] = [a, b].map(({ host, name, about }) => `${host} ${name} ${about}`)
  return (one ?? '') < (other ?? '') ? -1 : 1
}
