/** `trace`. */
import { brokenAt } from '../../core/admin/broken-hop.js'
import type { TraceReport } from '../../core/admin/trace.js'
import { CliFailure, EXIT } from '../failure.js'
import { traceText } from '../tables/trace.js'
import { type AddVerbs, clientOf, examples, listing, print } from '../verb.js'

export const addTrace: AddVerbs = (tools) => {
  const trace = listing(tools.root, 'trace', 'why does a packet not arrive? its way, hop by hop')
    .argument('<source>', 'a container, by name, id or address')
    .argument('<destination>', 'a container, a name or an address; with :PORT, [ADDRESS]:PORT')
    .option('--udp', 'the port is one of UDP')
  examples(trace, [
    ['tsoverlay trace web db', 'does web reach db?'],
    ['tsoverlay trace web db:5432', 'and does something listen there?'],
    ['tsoverlay trace 10.20.0.5 10.20.0.9:53 --udp', 'by address'],
  ]).action(
    async (source: string, destination: string, { udp = false }: { udp?: boolean }, own) => {
      const { to, port } = destinationOf(destination)
      if (udp && port === undefined)
        throw new CliFailure(
          'option --udp is not valid without a port: DESTINATION:PORT',
          EXIT.usage,
        )
      const query = new URLSearchParams({
        ...{ from: filled('source', source), to: filled('destination', to) },
        ...(port === undefined ? {} : { port, protocol: udp ? 'udp' : 'tcp' }),
      })
      const report = await clientOf(own).get<TraceReport>(`/trace?${query}`)
      print(tools, own, report, traceText)
      if (brokenAt(report.hops) !== undefined) tools.exitWith(EXIT.found)
    },
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
