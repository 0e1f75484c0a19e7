/** The commands and files of a Markdown page, in their order: pure. */

export type Piece =
  /** one command; `host` is undefined where it is typed in the project's folder */
  | { readonly do: 'run'; readonly host?: string; readonly line: string }
  | { readonly do: 'write'; readonly file: string; readonly text: string }

/**
 * Reads `console` blocks, whose lines begin with `HOST$ ` or `$ `, and blocks whose first line names
 * their file, as `# compose.yaml`.
 * @throws Error for a block that is neither, so that no command escapes the test
 */
export function piecesOf(page: string): readonly Piece[] {
  const blocks = page.matchAll(/^```(\S*)\n([\s\S]*?)^```$/gm)
  return [...blocks].flatMap(([, kind = '', text = '']): Piece[] => {
    if (kind === 'console') return text.trimEnd().split('\n').map(commandOf)
    const file = /^# (\S+)\n/.exec(text)?.[1]
    if (file === undefined) throw new Error(`neither commands nor a file: ${text}`)
    return [{ do: 'write', file, text }]
  })
}

function commandOf(text: string): Piece {
  const [, host, line] = /^(\w+)?\$ (.+)$/.exec(text) ?? []
  if (line === undefined) throw new Error(`not a command: ${text}`)
  return host === undefined ? { do: 'run', line } : { do: 'run', host, line }
}
