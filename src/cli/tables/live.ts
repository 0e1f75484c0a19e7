/** Where packets were seen, as people read it: pure. */
import type { LiveHop, LiveReport } from '../../core/admin/live.js'
import { bad } from '../colour.js'
import { table } from './table.js'

export function liveText(report: LiveReport): string {
  const { from, to, sent, protocol, port, hops, says, next } = report
  const what = protocol === 'tcp' ? `first packets of TCP to port ${port ?? 0}` : 'echo requests'
  const rows = [
    ['', '', '', 'HEARD', 'ANSWERS'],
    ...hops.map((hop, at) => [markOf(report, at), hop.host, deviceOf(hop), ...countsOf(hop, sent)]),
  ]
  const typed = next.map(({ host, command }) => `next: on ${host}: ${command}\n`)
  return `${from} to ${to}: ${sent} ${what}\n${table(rows)}\n${says}\n${typed.join('')}`
}

/** `-`: behind the first one that has not heard them all. */
function markOf({ hops, lost, sent }: LiveReport, at: number): string {
  const hop = hops[at]
  if (hop?.heard === undefined) return '?'
  if (lost?.hop === at) return bad('FAIL')
  return hop.heard >= sent ? 'ok' : '-'
}

function deviceOf({ hop, about }: LiveHop): string {
  return hop === 'container' ? about : `${about} (${hop})`
}

function countsOf({ heard, answers, problem }: LiveHop, sent: number): readonly string[] {
  if (heard === undefined) return [problem ?? '', '']
  return [`${heard} of ${sent}`, answers === undefined ? '?' : `${answers} of ${sent}`]
}
