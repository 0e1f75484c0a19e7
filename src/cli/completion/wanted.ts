/** What may stand at a place of the command line, by the tree of verbs: pure. */
import type { Argument, Command, Option } from '../verb.js'

export interface Candidate {
  readonly value: string
  readonly note: string
}

export interface Wanted {
  readonly candidates: readonly Candidate[]
  /** what names are to be looked up: what the argument or the option's value is called */
  readonly kind: string | undefined
}

/** @param words without the program's name; the last one is being typed, and may be empty */
export function wantedAt(root: Command, words: readonly string[]): Wanted {
  const last = words.at(-1) ?? ''
  const { command, position, pending } = walk(root, words.slice(0, -1))
  if (pending !== undefined) return wantedValue(pending)
  if (last.startsWith('-')) return { candidates: flagsOf(command), kind: undefined }
  const argument = argumentAt(command, position)
  const verbs = position === 0 ? verbsOf(command) : []
  const choices = (argument?.argChoices ?? []).map((value) => ({ value, note: '' }))
  return { candidates: [...verbs, ...choices], kind: argument?.name() }
}

function walk(root: Command, words: readonly string[]) {
  let command = root
  let position = 0
  let pending: Option | undefined
  for (const word of words) {
    const isValue = pending !== undefined
    pending = isValue ? undefined : takingValue(command, word)
    if (isValue || word.startsWith('-')) continue
    const verb = position === 0 ? command.commands.find((each) => each.name() === word) : undefined
    if (verb === undefined) position += 1
    else command = verb
  }
  return { command, position, pending }
}

function takingValue(command: Command, flag: string): Option | undefined {
  const option = lineOf(command)
    .flatMap(({ options }) => options)
    .find(({ short, long }) => short === flag || long === flag)
  return option?.required || option?.optional ? option : undefined
}

/** `--as <container>`: container */
function wantedValue(option: Option): Wanted {
  const candidates = (option.argChoices ?? []).map((value) => ({ value, note: '' }))
  return { candidates, kind: /[<[]([^>\].]+)/.exec(option.flags)?.[1] }
}

function flagsOf(command: Command): readonly Candidate[] {
  const help = { value: '--help', note: 'how it is used' }
  const own = lineOf(command)
    .flatMap(({ options }) => options)
    .filter(({ hidden, long }) => !hidden && long !== undefined)
    .map(({ long, description }) => ({ value: long ?? '', note: description }))
  return [...own, help]
}

function verbsOf(command: Command): readonly Candidate[] {
  return command
    .createHelp()
    .visibleCommands(command)
    .filter((verb) => verb.name() !== 'help')
    .map((verb) => ({ value: verb.name(), note: verb.description() }))
}

/** The last one may come again and again. */
function argumentAt(command: Command, position: number): Argument | undefined {
  const all = command.registeredArguments
  const last = all.at(-1)
  return all[position] ?? (last?.variadic ? last : undefined)
}

/** The command and those that it is in. */
function lineOf(command: Command): readonly Command[] {
  return command.parent === null ? [command] : [command, ...lineOf(command.parent)]
}
