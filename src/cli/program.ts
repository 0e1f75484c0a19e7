/**
 * The commands of `tsoverlay`. Exit codes: 0 it is done; 1 it failed, with one line that says why; 2
 * wrong usage.
 */
import { Command, CommanderError, Option } from 'commander'
import {
  ADMIN_SOCKET,
  type EndpointReport,
  type HostReport,
  type NameReport,
  type NetworkReport,
  type StatusReport,
} from '../core/admin.js'
import { messageOf } from '../core/errors.js'
import { AdminClient } from './client.js'
import { removeHost } from './host-rm.js'
import { lookupTable, namesTable } from './names-table.js'
import { endpointsTable, hostsTable, networksTable, statusText } from './tables.js'
import type { Terminal } from './terminal.js'

interface Flags {
  readonly socket: string
  readonly json?: boolean
  readonly force?: boolean
  readonly as?: string
  readonly ids?: boolean
}

const USAGE = 2

/** @param argv without node and the file's name; @returns the exit code */
export async function runCli(argv: readonly string[], terminal: Terminal): Promise<number> {
  try {
    await program(terminal).parseAsync([...argv], { from: 'user' })
    return 0
  } catch (error) {
    // Commander has told already what is wrong, or has shown the help that was asked for.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : USAGE
    terminal.err(`tsoverlay: ${messageOf(error)}\n`)
    return 1
  }
}

function program(terminal: Terminal): Command {
  const { env, out, err } = terminal
  const standard = env['TSOVERLAY_SOCKET'] || ADMIN_SOCKET
  const root = new Command('tsoverlay')
    .description('Looks at, and repairs, the networks of the tsoverlay plugin on this host.')
    .addOption(new Option('--socket <path>', "the plugin's admin socket").default(standard))
    .exitOverride()
    .configureOutput({ writeOut: out, writeErr: err })
    .showSuggestionAfterError()
    .showHelpAfterError('(tsoverlay --help tells more)')
  const json = new Option('--json', 'print JSON, as the admin socket gives it')
  const listing = (name: string, description: string): Command =>
    root.command(name).description(description).addOption(json)

  listing('status', 'this host: its networks, and what is not well').action(async (_flags, own) => {
    print(own, await ask<StatusReport>(own, '/status'), statusText)
  })
  listing('hosts', 'hosts of the cluster').action(async (_flags, own) => {
    print(own, await ask<readonly HostReport[]>(own, '/hosts'), hostsTable)
  })
  listing('networks', 'networks of the cluster').action(async (_flags, own) => {
    print(own, await ask<readonly NetworkReport[]>(own, '/networks'), networksTable)
  })
  listing('endpoints', "containers' attachments in the cluster")
    .argument('[network]', 'those of one network only: its name, identity or key')
    .action(async (network: string | undefined, _flags, own) => {
      const query = network === undefined ? '' : `?network=${encodeURIComponent(network)}`
      print(own, await ask<readonly EndpointReport[]>(own, `/endpoints${query}`), endpointsTable)
    })
  root
    .command('host')
    .description('hosts of the cluster, one by one')
    .command('rm')
    .description('free all that a host which will not come back has: endpoints, addresses, blocks')
    .argument('<host>', 'its name or id, as in: tsoverlay hosts')
    .option('--force', 'also when it runs')
    .action(async (host: string, _flags, own: Command) => {
      const { socket, force = false } = own.optsWithGlobals<Flags>()
      await removeHost(new AdminClient(socket), host, force, terminal)
    })
  dnsCommands(root, json, terminal)
  return root

  function print<T>(command: Command, answer: T, table: (answer: T) => string): void {
    const { json: asJson = false } = command.optsWithGlobals<Flags>()
    out(asJson ? `${JSON.stringify(answer, undefined, 2)}\n` : table(answer))
  }
}

function dnsCommands(root: Command, json: Option, { out }: Terminal): void {
  const dns = root.command('dns').description('names that containers of this host can ask for')
  const show = (
    command: Command,
    names: readonly NameReport[],
    text: (names: readonly NameReport[]) => string,
  ): void => {
    const { json: asJson = false } = command.optsWithGlobals<Flags>()
    out(asJson ? `${JSON.stringify(names, undefined, 2)}\n` : text(names))
  }
  dns
    .command('ls')
    .description('all that are known here, and where they come from')
    .option('--ids', "also containers' short ids, which are names, too")
    .addOption(json)
    .action(async (_flags, own: Command) => {
      const { ids = false } = own.optsWithGlobals<Flags>()
      show(own, await ask(own, '/names'), (names) => namesTable(names, ids))
    })
  dns
    .command('lookup')
    .description('what a container would be answered')
    .argument('<name>', 'a name, NAME.NETWORK, or an address')
    .option(
      '--as <container>',
      'a container of this host, by name or id; else one on all its networks',
    )
    .addOption(json)
    .action(async (name: string, _flags, own: Command) => {
      const { as } = own.optsWithGlobals<Flags>()
      const query = new URLSearchParams({ name, ...(as === undefined ? {} : { as }) })
      show(own, await ask(own, `/names/lookup?${query}`), lookupTable)
    })
  dns
    .command('add')
    .description('give something that is no container a name, in all networks on all hosts')
    .argument('<name>')
    .argument('<address...>', 'IPv4 or IPv6, in place of those that it had')
    .action(async (name: string, addresses: string[], _flags, own: Command) => {
      await clientOf(own).put(`/names/${encodeURIComponent(name)}`, { addresses })
      out(`${name.toLowerCase()} is ${addresses.join(', ')}\n`)
    })
  dns
    .command('rm')
    .description('take such a name away')
    .argument('<name>')
    .action(async (name: string, _flags, own: Command) => {
      for await (const _line of clientOf(own).delete(`/names/${encodeURIComponent(name)}`));
      out(`${name.toLowerCase()} removed\n`)
    })
}

function clientOf(command: Command): AdminClient {
  return new AdminClient(command.optsWithGlobals<Flags>().socket)
}

function ask<T>(command: Command, path: string): Promise<T> {
  return clientOf(command).get<T>(path)
}
