/** What the parts of the plugin report themselves, and what it cannot do. */
import type { StatusReport } from '../../../core/admin/status.js'
import { type Check, type Found, failed, orOk, warning } from '../check.js'

/** firewalld is told of by the check firewall. */
const ELSEWHERE: readonly string[] = ['rules']

export function statusCheck(status: () => StatusReport): Check {
  return { name: 'status', look: async () => judgeStatus(status()) }
}

export function judgeStatus(status: StatusReport): readonly Found[] {
  const { host, store, problems, conflicts, networks, sync } = status
  const found: Found[] = []
  if (host.problem !== undefined)
    found.push(
      failed(
        'underlay',
        host.problem,
        'docker plugin set … ADVERTISE=<address, interface or subnet>',
      ),
    )
  if (!store.reached)
    found.push(
      failed(
        'presence',
        'the store does not take the announcement of this host',
        'see the check store',
      ),
    )
  for (const { part, about, problem } of problems)
    if (!ELSEWHERE.includes(part)) found.push(warning(about, problem, mendOf(problem)))
  for (const { endpoint, problem } of conflicts)
    found.push(
      failed(
        `container ${endpoint.slice(0, 12)}`,
        problem,
        'docker rm -f one of the two containers',
      ),
    )
  for (const { network, problem } of sync?.problems ?? [])
    found.push(warning(`network ${network}`, problem, mendOf(problem)))
  for (const { name, identity, parted } of networks) {
    if (parted.length === 0) continue
    found.push(
      failed(
        `network ${name || identity}`,
        `it has no way to ${parted.join(', ')}: another address family, or a router between`,
        'set ADVERTISE alike on all hosts, or make the network with a backend that has a tunnel',
      ),
    )
  }
  return orOk(found, 'the plugin reports no problem')
}

/** What is to be done stands behind the last colon or semicolon. */
function mendOf(problem: string): string {
  return problem.split(/[:;] /).at(-1) ?? ''
}
