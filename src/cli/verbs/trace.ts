/** `trace`. */
import { brokenAt } from '../../core/admin/broken-hop.js'
import type { LiveReport } from '../../core/admin/live.js'
import type { TraceReport } from '../../core/admin/trace.js'
import { MOST_PROBES } from '../../core/live.js'
import { CliFailure, EXIT } from '../failure.js'
import { Progress } from '../progress.js'
import { liveText } from '../tables/live.js'
import { traceText } from '../tables/trace.js'
import {
  type AddVerbs,
  type Command,
  clientOf,
  examples,
  listing,
  print,
  type Tools,
} from '../verb.js'

interface Flags {
  readonly udp?: boolean
  readonly live?: boolean
  readonly count?: string
}

export const addTrace: AddVerbs = (tools) => {
  const trace = listing(tools.root, 'trace', 'why does a packet not arrive? its way, hop by hop')
    .argument('<source>', 'a container, by name, id or address')
    .argument('<destination>', 'a container, a name or an address; with :PORT, [ADDRESS]:PORT')
    .option('--udp', 'the port is one of UDP')
    .option('--live', 'send packets from the source, and say where they are seen last')
    .option('--count <n>', `with --live: how many, 1 to ${MOST_PROBES} (default: 5)`)
  examples(trace, [
    ['tsoverlay trace web db', 'does web reach db?'],
    ['tsoverlay trace web db:5432', 'and does something listen there?'],
    ['tsoverlay trace 10.20.0.5 10.20.0.9:53 --udp', 'by address'],
    ['tsoverlay trace --live web db', 'send five pings, count them at each device'],
    ['tsoverlay trace --live web db:5432', 'the same with first packets of TCP'],
  ]).action(async (source: string, destination: string, flags: Flags, own) => {
    const { to, port } = destinationOf(destination)
    refuse(flags, port)
    const ends = { from: filled('source', source), to: filled('destination', to) }
    const query = { ...ends, ...(port === undefined ? {} : { port }) }
    if (flags.live === true) return traceLive(tools, own, { ...query, ...countOf(flags) })
    const protocol = flags.udp === true ? 'udp' : 'tcp'
    const load = new URLSearchParams({ ...query, ...(port === undefined ? {} : { protocol }) })
    const report = await clientOf(own).get<TraceReport>(`/trace?${load}`)
    print(tools, own, report, traceText)
    if (brokenAt(report.hops) !== undefined) tools.exitWith(EXIT.found)
  })
}

async function traceLive(
  tools: Tools,
  own: Command,
  query: Readonly<Record<string, string>>,
): Promise<void> {
  const progress = new Progress(tools.terminal, 'trace', 'packets are being sent')
  try {
    const report = await clientOf(own).get<LiveReport>(`/trace/live?${new URLSearchParams(query)}`)
    print(tools, own, report, liveText)
    if (report.verdict === 'failed') tools.exitWith(EXIT.found)
  } finally {
    progress.end()
  }
}

/** @throws CliFailure */
function refuse({ udp, live, count }: Flags, port: string | undefined): void {
  if (udp === true && port === undefined)
    throw new CliFailure('option --udp is not valid without a port: DESTINATION:PORT', EXIT.usage)
  if (udp === true && live === true)
    throw new CliFailure(
      'option --udp is not valid with --live, which sends pings, and to a port first packets of TCP',
      EXIT.usage,
    )
  if (count !== undefined && live !== true)
    throw new CliFailure('option --count is not valid without --live', EXIT.usage)
}

/** @throws CliFailure for a number that is not allowed */
function countOf({ count }: Flags): { readonly count?: string } {
  if (count === undefined) return {}
  const number = /^\d{1,2}$/.test(count) ? Number(count) : 0
  if (number >= 1 && number <= MOST_PROBES) return { count: String(number) }
  throw new CliFailure(
    `count "${count}" is not valid: a number from 1 to ${MOST_PROBES}`,
    EXIT.usage,
  )
}

/** As a variable of a script that is empty. @throws CliFailure */
function filled(what: string, text: string): string {
  if (text !== '') return text
  throw new CliFailure(`${what} "" is not valid: a container, a name or an address`, EXIT.usage)
}

/**
 * `db:80`, `10.20.0.5:80`, `[fd00::5]:80`, or without a port; an IPv6 address without brackets has none.
 * @throws CliFailure for a port that is none
 */
export function destinationOf(text: string): { readonly to: string; readonly port?: string } {
  const [, inBrackets, behind] = /^\[([^\]]*)\](?::(.*))?$/.exec(text) ?? []
  if (inBrackets !== undefined) return withPort(text, inBrackets, behind)
  const parts = text.split(':')
  const [to = '', port] = parts
  return parts.length === 2 ? withPort(text, to, port) : { to: text }
}

function withPort(text: string, to: string, port: string | undefined) {
  if (port === undefined) return { to }
  const number = /^\d{1,5}$/.test(port) ? Number(port) : 0
  if (number >= 1 && number <= 65_535) return { to, port: String(number) }
  throw new CliFailure(
    `destination "${text}" is not valid: a port is a number from 1 to 65535`,
    EXIT.usage,
  )
}
