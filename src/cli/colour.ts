/**
 * Words that stand out. Texts are made with colour; what is no terminal gets them without
 * (`print` and `say` of verb.ts).
 */
const CODES = { red: 31, green: 32, yellow: 33, grey: 90 } as const
const USUAL = 39
// biome-ignore lint/suspicious/noControlCharactersInRegex: it is what begins a colour
const ANY = /\u001b\[\d+m/g

const painter = (code: number) => (text: string) => `\u001b[${code}m${text}\u001b[${USUAL}m`

export const bad = painter(CODES.red)
export const good = painter(CODES.green)
export const doubtful = painter(CODES.yellow)
export const faint = painter(CODES.grey)

export function withoutColour(text: string): string {
  return text.replace(ANY, '')
}

/** Whether one wants colour: on a terminal that has it, unless NO_COLOR says otherwise (no-color.org). */
export function wantsColour(
  isTerminal: boolean,
  env: Readonly<Record<string, string | undefined>>,
): boolean {
  return isTerminal && !env['NO_COLOR'] && env['TERM'] !== 'dumb'
}
