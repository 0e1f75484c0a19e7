/** Which namespace is meant: pure. */
import type { NamespaceReport } from '../core/admin/kernel.js'
import { CliFailure } from './failure.js'
import { SHORT } from './tables/table.js'

/** A name by which a namespace may be called, and what it is the name of. */
interface Called {
  readonly report: NamespaceReport
  readonly by: string
  readonly what: string
}

/**
 * By the name of its file, of a container or of a network, by the id of a container or network, or by
 * the beginning of any id or file name, in this order.
 * @throws CliFailure in the words of docker_netns.sh, or with the candidates
 */
export function findNamespace(
  reports: readonly NamespaceReport[],
  wanted: string,
): NamespaceReport {
  const ways = [
    reports.flatMap(files),
    reports.flatMap(containerNames),
    reports.flatMap(networkNames),
    reports.flatMap(ids),
  ]
  for (const names of ways) {
    const exact = names.filter(({ by }) => by === wanted)
    if (exact.length > 0) return theOne(exact, wanted)
  }
  const begins = [...(ways[0] ?? []), ...(ways[3] ?? [])].filter(({ by }) => by.startsWith(wanted))
  if (wanted !== '' && begins.length > 0) return theOne(begins, wanted)
  throw new CliFailure(`Cannot open network namespace '${wanted}': No such file or directory`)
}

/** A load balancer of swarm's is meant only where nothing else is. */
function theOne(found: readonly Called[], wanted: string): NamespaceReport {
  const own = found.filter(({ report }) => !report.name.startsWith('lb_'))
  const [first, ...more] = own.length > 0 ? own : found
  if (first !== undefined && more.every(({ report }) => report === first.report)) {
    return first.report
  }
  const candidates = new Set(
    found.map(({ report, by, what }) => `${short(by)} (${what}${at(report)})`),
  )
  throw new CliFailure(`'${wanted}' may be any of ${[...candidates].sort().join(', ')}`)
}

/** Enough of an id; names may be as long as they like. */
function short(name: string): string {
  return /^[0-9a-f]{64}$/.test(name) ? name.slice(0, SHORT) : name
}

function at({ name }: NamespaceReport): string {
  return `, namespace ${name}`
}

function files(report: NamespaceReport): readonly Called[] {
  return [report.name, ...report.aliases].map((by) => ({ report, by, what: report.owner }))
}

function containerNames(report: NamespaceReport): readonly Called[] {
  return report.containers.map(({ name, id }) => {
    return { report, by: name, what: `container ${id.slice(0, SHORT)}` }
  })
}

function networkNames(report: NamespaceReport): readonly Called[] {
  return report.network === undefined ? [] : [{ report, by: report.network, what: report.owner }]
}

function ids(report: NamespaceReport): readonly Called[] {
  const network =
    report.networkId === undefined ? [] : [{ report, by: report.networkId, what: report.owner }]
  const containers = report.containers.map(({ name, id }) => {
    return { report, by: id, what: `container ${name}` }
  })
  return [...containers, ...network]
}
