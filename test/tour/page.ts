/** A Markdown page whose console blocks have commands and what they printed: pure. */

/** `HOST# COMMAND`, and the lines below it up to the next command or the block's end. */
export interface Step {
  readonly host: string
  readonly command: string
  readonly printed: string
}

/** Text between blocks, or a block's steps. */
export type Piece = string | readonly Step[]

const BLOCK = /^```console\n([\s\S]*?)^```$/gm
const COMMAND = /^(\w+)# (.+)$/

/** @throws Error for a block that does not begin with a command */
export function piecesOf(page: string): readonly Piece[] {
  const pieces: Piece[] = []
  let end = 0
  for (const block of page.matchAll(BLOCK)) {
    pieces.push(page.slice(end, block.index), stepsOf(block[1] ?? ''))
    end = block.index + block[0].length
  }
  return [...pieces, page.slice(end)]
}

const HIDDEN = /<!-- lab\n([\s\S]*?)-->/g

/** What a piece of text has done unseen: the commands of its comments `<!-- lab … -->`, in their order. */
export function unseenOf(text: string): readonly Step[] {
  return [...text.matchAll(HIDDEN)].flatMap(([, block = '']) => stepsOf(block))
}

export function pageOf(pieces: readonly Piece[]): string {
  return pieces.map((piece) => (typeof piece === 'string' ? piece : blockOf(piece))).join('')
}

function blockOf(steps: readonly Step[]): string {
  const lines = steps.map(({ host, command, printed }) => `${host}# ${command}\n${printed}`)
  return `\`\`\`console\n${lines.join('')}\`\`\``
}

function stepsOf(block: string): readonly Step[] {
  const steps: Step[] = []
  for (const line of block.split('\n').slice(0, -1)) {
    const [, host, command] = COMMAND.exec(line) ?? []
    const last = steps.at(-1)
    if (host !== undefined && command !== undefined) steps.push({ host, command, printed: '' })
    else if (last === undefined) throw new Error(`no command before: ${line}`)
    else steps[steps.length - 1] = { ...last, printed: `${last.printed}${line}\n` }
  }
  return steps
}

/** What differs from one run to the next, by what stands there instead; the rest has to be the same. */
const CHANGING: readonly (readonly [RegExp, string])[] = [
  // ids that Docker or the store have drawn, and names made of them
  [/\b(veth|tsp-|tsb-)[0-9a-f]{7,12}\b/g, '$1ID'],
  [/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/g, 'UUID'],
  [/\b[0-9a-f]{10,64}\b/g, 'ID'],
  // MACs that the kernel has drawn: those of containers are made of their addresses
  [/\b(?!02:42)[0-9a-f]{2}(:[0-9a-f]{2}){5}\b/g, 'MAC'],
  [/\bfe80::[0-9a-f:]+/g, 'fe80::N'],
  // indices of links, in ip's and in our words
  [/^\d+: /gm, 'N: '],
  [/@if\d+/g, '@ifN'],
  [/\b(handle|position|link-netnsid|revision|ifindex|promiscuity|allmulti|qlen) \d+/g, '$1 N'],
  [/\b(find_links\.sh|links) \d+/g, '$1 N'],
  [/\b10\.9\d\.0\./g, '10.99.0.'],
  [/\bfd10:9\d::/g, 'fd10:99::'],
  [/ \(\d+\)/g, ' (N)'],
  [/\b\d+( in no namespace| of the kernel's own)/g, 'N$1'],
  // blocks go to whichever host asks first
  [/\b40\.(1[56])\.\d+\.\d+/g, '40.$1.N.N'],
  // how often it was tried
  [/\b\d+ (changes owed|repairs|failures|questions answered|passed on)/g, 'N $1'],
  // what is waited for is said after a second
  [/^doctor: .*$/gm, ''],
  // a neighbour that was just used, or not for some seconds
  [/\b(reachable|stale|delay|probe)\b/g, 'used'],
  [/\b\d+(\.\d+)? ?ms\b/g, 'N ms'],
  [/[ \t]+/g, ' '],
  [/ $/gm, ''],
]

/** Two outputs of one command are alike when these are the same. */
export function steady(printed: string): string {
  let text = printed
  for (const [changing, instead] of CHANGING) text = text.replace(changing, instead)
  // whatever has no order of its own
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .sort()
    .join('\n')
}
