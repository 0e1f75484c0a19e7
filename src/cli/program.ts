/** The commands of `tsoverlay`: their verbs are in verbs/, a file for what belongs together. */
import { Command, CommanderError, Option } from 'commander'
import { ADMIN_SOCKET } from '../core/admin/socket.js'
import { messageOf } from '../core/errors.js'
import { CliFailure, EXIT } from './failure.js'
import type { Terminal } from './terminal.js'
import type { AddVerbs } from './verb.js'
import { addCompletion } from './verbs/completion.js'
import { addDiag } from './verbs/diag.js'
import { addDns } from './verbs/dns.js'
import { addDoctor } from './verbs/doctor.js'
import { addEntries } from './verbs/entries.js'
import { addHost } from './verbs/host.js'
import { addIpam } from './verbs/ipam.js'
import { addLinks } from './verbs/links.js'
import { addListings } from './verbs/listings.js'
import { addMan } from './verbs/man.js'
import { addNetns, guarded } from './verbs/netns.js'
import { addTrace } from './verbs/trace.js'
import { addUi } from './verbs/ui.js'
import { addWatch } from './verbs/watch.js'

/** In the order of the help. */
const VERBS: readonly AddVerbs[] = [
  addListings,
  addIpam,
  addTrace,
  addDoctor,
  addWatch,
  addUi,
  addNetns,
  addLinks,
  addEntries,
  addHost,
  addDns,
  addDiag,
  addCompletion,
  addMan,
]

/** @param argv without node and the file's name; @returns the exit code */
export async function runCli(argv: readonly string[], terminal: Terminal): Promise<number> {
  let code: number = EXIT.done
  try {
    const root = program(terminal, (wanted) => {
      code = wanted
    })
    await root.parseAsync([...guarded(argv)], { from: 'user' })
    return code
  } catch (error) {
    // Commander has told already what is wrong, or has shown the help that was asked for.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage
    terminal.err(`tsoverlay: ${messageOf(error)}\n`)
    return error instanceof CliFailure ? error.exitCode : EXIT.failed
  }
}

/** All verbs with their arguments and options, as completion and the manual page need them, too. */
export function program(terminal: Terminal, exitWith: (code: number) => void): Command {
  const { env, out, err } = terminal
  const standard = env['TSOVERLAY_SOCKET'] || ADMIN_SOCKET
  const root = new Command('tsoverlay')
    .description('Looks at, and repairs, the networks of the tsoverlay plugin on this host.')
    .addOption(new Option('--socket <path>', "the plugin's admin socket").default(standard))
    .exitOverride()
    .configureOutput({ writeOut: out, writeErr: err })
    .showSuggestionAfterError()
    .showHelpAfterError('(tsoverlay --help tells more)')
  for (const add of VERBS) add({ root, terminal, exitWith })
  return root
}
