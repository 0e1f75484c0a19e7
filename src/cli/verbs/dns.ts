/** `dns ls|lookup|add|rm`. */
import type { NameReport } from '../../core/admin/names.js'
import { lookupTable, namesTable } from '../tables/names.js'
import {
  type AddVerbs,
  type Command,
  clientOf,
  examples,
  listing,
  print,
  type Tools,
  wantsJson,
} from '../verb.js'

export const addDns: AddVerbs = (tools) => {
  const dns = tools.root
    .command('dns')
    .description('names that containers of this host can ask for')
  addLooks(dns, tools)
  addWishes(dns, tools)
}

function addLooks(dns: Command, tools: Tools): void {
  const ls = listing(dns, 'ls', 'all that are known here, and where they come from').option(
    '--ids',
    "also containers' short ids, which are names, too",
  )
  examples(ls, [['tsoverlay dns ls', 'which names are there?']]).action(
    async ({ ids = false }: { ids?: boolean }, own) => {
      const path = `/names?ids=${ids || wantsJson(own)}`
      const found = await clientOf(own).get<readonly NameReport[]>(path)
      print(tools, own, found, namesTable)
    },
  )
  const lookup = listing(dns, 'lookup', 'what a container would be answered')
    .argument('<name>', 'a name, NAME.NETWORK, or an address')
    .option(
      '--as <container>',
      'a container of this host, by name or id; else one on all its networks',
    )
  examples(lookup, [
    ['tsoverlay dns lookup db', 'who is db?'],
    ['tsoverlay dns lookup db --as web', 'as the container web would be told'],
  ]).action(async (name: string, { as }: { as?: string }, own) => {
    const query = new URLSearchParams({ name, ...(as === undefined ? {} : { as }) })
    const found = await clientOf(own).get<readonly NameReport[]>(`/names/lookup?${query}`)
    print(tools, own, found, lookupTable)
  })
}

function addWishes(dns: Command, { terminal: { out } }: Tools): void {
  const add = dns
    .command('add')
    .description('give something that is no container a name, in all networks on all hosts')
    .argument('<name>')
    .argument('<address...>', 'IPv4 or IPv6, in place of those that it had')
  examples(add, [['tsoverlay dns add printer 192.168.1.9', 'containers can say printer']]).action(
    async (name: string, addresses: string[], _flags, own) => {
      await clientOf(own).put(`/names/${encodeURIComponent(name)}`, { addresses })
      out(`${name.toLowerCase()} is ${addresses.join(', ')}\n`)
    },
  )
  const rm = dns.command('rm').description('take such a name away').argument('<name>')
  examples(rm, [['tsoverlay dns rm printer', 'as if it had never been']]).action(
    async (name: string, _flags, own) => {
      for await (const _line of clientOf(own).delete(`/names/${encodeURIComponent(name)}`));
      out(`${name.toLowerCase()} removed\n`)
    },
  )
}
