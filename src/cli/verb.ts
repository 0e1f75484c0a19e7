/** What each verb of the CLI is made with. */
import { Argument, type Command, Option } from 'commander'
import { AdminClient, type Patience } from './client.js'
import { withoutColour } from './colour.js'
import type { Terminal } from './terminal.js'

export type { Command, Option }
export { Argument }

/** Adds one or some verbs to the program. */
export type AddVerbs = (tools: Tools) => void

export interface Tools {
  readonly root: Command
  readonly terminal: Terminal
  /** Ends with this code, after all has been said. */
  readonly exitWith: (code: number) => void
}

/** A verb that lists something: it has --json. */
export function listing(parent: Command, name: string, description: string): Command {
  return parent
    .command(name)
    .description(description)
    .addOption(new Option('--json', 'print JSON, as the admin socket gives it'))
}

type Examples = readonly (readonly [string, string])[]

const EXAMPLES = new WeakMap<Command, Examples>()

/** What `examples` was given for the verb. */
export function examplesOf(command: Command): Examples {
  return EXAMPLES.get(command) ?? []
}

/** What is to be typed, and what it is for, under a verb's help. */
export function examples(command: Command, lines: Examples): Command {
  EXAMPLES.set(command, lines)
  const width = Math.max(...lines.map(([typed]) => typed.length))
  const text = lines.map(([typed, why]) => `  $ ${typed.padEnd(width)}  # ${why}`)
  return command.addHelpText('after', `\nExamples:\n${text.join('\n')}`)
}

/** The socket that is asked. */
export function clientOf(command: Command, patience?: Patience): AdminClient {
  return new AdminClient(command.optsWithGlobals<{ socket: string }>().socket, patience)
}

export function wantsJson(command: Command): boolean {
  return command.optsWithGlobals<{ json?: boolean }>().json === true
}

/** An answer, as people or programs read it. */
export function print<T>(
  { terminal }: Pick<Tools, 'terminal'>,
  command: Command,
  answer: T,
  text: (answer: T) => string,
): void {
  if (wantsJson(command)) terminal.out(`${JSON.stringify(answer, undefined, 2)}\n`)
  else say({ terminal }, text(answer))
}

/** Text for people, in colour where that can be seen. */
export function say({ terminal }: Pick<Tools, 'terminal'>, text: string): void {
  terminal.out(terminal.colour === true ? text : withoutColour(text))
}
