/** `fdb`, `neigh`, `routes`, `rules`. */
import type { EntriesReport, EntryTable } from '../../core/admin/entries.js'
import { EXIT } from '../failure.js'
import { entriesText } from '../tables/entries.js'
import { type AddVerbs, clientOf, examples, listing, print } from '../verb.js'

interface Verb {
  readonly table: EntryTable
  readonly what: string
  readonly why: string
}

const VERBS: Readonly<Record<string, Verb>> = {
  fdb: {
    table: 'fdb',
    what: 'MACs of a network, and their hosts',
    why: 'who is behind which VTEP?',
  },
  neigh: {
    table: 'neighbours',
    what: 'neighbours of a network, addresses and their MACs',
    why: 'who answers for whom?',
  },
  routes: { table: 'routes', what: 'routes of a network', why: 'which way do packets go?' },
  rules: { table: 'rules', what: 'rules of nftables for a network', why: 'which packets pass?' },
}

export const addEntries: AddVerbs = (tools) => {
  for (const [name, { table, what, why }] of Object.entries(VERBS)) {
    const verb = listing(tools.root, name, `${what}, beside what they should be`)
      .argument('<network>', 'its name, id or sandbox, or the beginning of its id')
      .option('--all', 'also what the kernel has made itself')
      .addHelpText('after', '\nExit code 3: something is not as it should be.')
    examples(verb, [
      [`tsoverlay ${name} shop`, why],
      [`tsoverlay ${name} shop >/dev/null || echo look`, 'for a script'],
    ]).action(async (network: string, { all = false }: { all?: boolean }, own) => {
      const path = `/entries/${table}?network=${encodeURIComponent(network)}`
      const report = await clientOf(own).get<EntriesReport>(path)
      print(tools, own, report, (one) => entriesText(one, all))
      if (report.differences > 0) tools.exitWith(EXIT.found)
    })
  }
}
