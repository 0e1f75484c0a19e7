/** The manual page, made of the verbs: pure (man(7)). */
import { EXIT } from './failure.js'
import { type Argument, type Command, examplesOf } from './verb.js'

const EXIT_MEANINGS: Readonly<Record<keyof typeof EXIT, string>> = {
  done: 'It is done, and nothing is wrong.',
  failed: 'It failed; one line on stderr says why.',
  usage: 'Wrong usage.',
  found: 'It is done, and what was looked at is not as it should be.',
}

const ENVIRONMENT: Readonly<Record<string, string>> = {
  TSOVERLAY_SOCKET: "the plugin's admin socket, if there is no --socket",
  NO_COLOR: 'if it is set, nothing is coloured; what is no terminal never gets colour',
}

const FILES: Readonly<Record<string, string>> = {
  '/run/tsoverlay/cli': 'this command, as the plugin leaves it on the host',
  '/run/tsoverlay/admin.sock': 'the admin socket, which only root may use',
}

/** @param root all verbs; @param version of the program */
export function manPage(root: Command, version: string): string {
  const lines = [
    `.TH TSOVERLAY 1 "" "tsoverlay ${version}" "tsoverlay"`,
    '.SH NAME',
    `tsoverlay \\- ${textOf(lower(root.description()))}`,
    '.SH SYNOPSIS',
    '.B tsoverlay\n.RI [ options ]\n.I verb\n.RI [ arguments ]',
    '.SH OPTIONS',
    ...optionsOf(root),
    '.SH VERBS',
    ...leavesOf(root).flatMap(verbLines),
    '.SH EXIT STATUS',
    ...Object.entries(EXIT).flatMap(([name, code]) =>
      item(String(code), EXIT_MEANINGS[name as keyof typeof EXIT]),
    ),
    '.SH ENVIRONMENT',
    ...Object.entries(ENVIRONMENT).flatMap(([name, meaning]) => item(name, meaning)),
    '.SH FILES',
    ...Object.entries(FILES).flatMap(([name, meaning]) => item(name, meaning)),
  ]
  return `${lines.join('\n')}\n`
}

/** Those that do something, in the order of the help. */
function leavesOf(command: Command): readonly Command[] {
  const visible = command
    .createHelp()
    .visibleCommands(command)
    .filter((each) => each.name() !== 'help')
  return visible.flatMap((each) => (each.commands.length === 0 ? [each] : leavesOf(each)))
}

function verbLines(verb: Command): readonly string[] {
  const usage = [nameOf(verb), ...verb.registeredArguments.map(placeOf)].join(' ')
  const described = verb.registeredArguments.filter(({ description }) => description !== '')
  return [
    `.SS "${textOf(usage)}"`,
    textOf(sentence(verb.description())),
    ...described.flatMap((each) => item(each.name(), each.description)),
    ...optionsOf(verb),
    ...examplesOf(verb).flatMap(([typed, why]) => [
      '.PP',
      `${textOf(sentence(why))}`,
      '.RS',
      '.nf',
      textOf(typed),
      '.fi',
      '.RE',
    ]),
  ]
}

function optionsOf(command: Command): readonly string[] {
  return command
    .createHelp()
    .visibleOptions(command)
    .filter(({ long }) => long !== '--help')
    .flatMap(({ flags, description }) => item(flags, description))
}

function item(name: string, meaning: string): readonly string[] {
  return ['.TP', `.B ${textOf(name)}`, textOf(meaning)]
}

/** With the verbs that it is in, but for the program's own name. */
function nameOf(command: Command): string {
  const { parent } = command
  return parent === null || parent.parent === null
    ? command.name()
    : `${nameOf(parent)} ${command.name()}`
}

function placeOf(argument: Argument): string {
  const name = `${argument.name()}${argument.variadic ? '...' : ''}`
  return argument.required ? `<${name}>` : `[${name}]`
}

function lower(text: string): string {
  return `${text.charAt(0).toLowerCase()}${text.slice(1)}`.replace(/\.$/, '')
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`.replace(/([^.?!])$/, '$1.')
}

/** What roff would read as its own (groff(7), groff_char(7)). */
function textOf(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll('"', '\\(dq')
    .replaceAll('…', '...')
    .replaceAll('’', "'")
    .replace(/^([.'])/, '\\&$1')
}
