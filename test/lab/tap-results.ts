import { Parser, type Result } from 'tap-parser'

export interface Failure {
  /** Names of the nested tests, outermost first, joined by ` > `. */
  readonly name: string
  /** What tap says of it, as text; may be empty. */
  readonly detail: string
}

/** What one test file has come to. */
export interface FileResult {
  readonly file: string
  readonly passed: number
  readonly skipped: number
  readonly failures: readonly Failure[]
  /** How long it took, by tap's clock. */
  readonly milliseconds: number
}

/** Diagnostic fields that say where tap itself was, or repeat the source. */
const NOISE = new Set(['at', 'stack', 'source', 'cwd', 'args', 'command', 'stdio', 'externalID'])
const FILE_ITSELF = '(the file)'

/**
 * Counts the TAP that `tap run --reporter=tap` prints. The unit is what stands at the top level of
 * a file: a `t.test`, or an assertion outside any. One is failed if anything in it failed or if it
 * is marked todo, and skipped if it's marked so or all that it did was to skip. A file that breaks
 * off, or has no test, is one failure; one that gives a reason (`t.plan(0, why)`) is one skip.
 * @param onFile is called as each file ends, in the order of the output.
 * @returns the parser; write to it and end it.
 */
export function countTap(onFile: (result: FileResult) => void): Parser {
  const parser = new Parser()
  let current: FileCount | undefined
  parser.on('child', (child: Parser) => {
    current = new FileCount(child)
  })
  parser.on('assert', (result: Result) => {
    onFile((current ?? new FileCount()).finish(result))
    current = undefined
  })
  parser.on('bailout', (reason: string) => {
    onFile(fileFailure('(tap)', `bail out: ${reason}`))
  })
  return parser
}

/** A file of which nothing can be counted. */
export function fileFailure(file: string, detail: string): FileResult {
  const failures = [{ name: FILE_ITSELF, detail }]
  return { file, passed: 0, skipped: 0, failures, milliseconds: 0 }
}

class FileCount {
  #passed = 0
  #skipped = 0
  readonly #failures: Failure[] = []

  constructor(file?: Parser) {
    if (file === undefined) return
    forEachTest(file, (result, inner) => this.#add(result, inner))
  }

  /** @param closing is the file's own test point, which carries its exit code. */
  finish(closing: Result): FileResult {
    const file = closing.name
    const milliseconds = closing.time ?? 0
    const counted = this.#passed + this.#skipped + this.#failures.length
    const reason = typeof closing.skip === 'string' ? closing.skip : ''
    if (counted === 0 && closing.ok && reason !== '' && reason !== 'no tests found') {
      return { file, passed: 0, skipped: 1, failures: [], milliseconds }
    }
    if (this.#failures.length === 0 && (!closing.ok || counted === 0)) {
      const detail = closing.ok ? 'no tests found' : `broke off\n${describe(closing)}`
      this.#failures.push({ name: FILE_ITSELF, detail })
    }
    const [passed, skipped, failures] = [this.#passed, this.#skipped, this.#failures]
    return { file, passed, skipped, failures, milliseconds }
  }

  #add(result: Result, inner: Inner | undefined): void {
    if (!result.ok || result.todo !== false) this.#failures.push(...failuresOf(result, inner))
    else if (result.skip !== false || inner?.onlySkips === true) this.#skipped += 1
    else this.#passed += 1
  }
}

/** What is known of a subtest when its closing test point comes. */
class Inner {
  #ran = 0
  #skips = 0
  readonly leaves: Failure[] = []

  constructor(parser: Parser) {
    forEachTest(parser, (result, inner) => {
      this.#ran += 1
      if (result.skip !== false || inner?.onlySkips === true) this.#skips += 1
      if (!result.ok && result.todo === false) this.leaves.push(...leavesOf(result, inner))
    })
  }

  get onlySkips(): boolean {
    return this.#ran > 0 && this.#skips === this.#ran
  }
}

/** Test points of one level, each with its subtest if it closes one. */
function forEachTest(parser: Parser, visit: (result: Result, inner: Inner | undefined) => void) {
  let inner: Inner | undefined
  parser.on('child', (child: Parser) => {
    inner = new Inner(child)
  })
  parser.on('assert', (result: Result) => {
    visit(result, inner)
    inner = undefined
  })
}

/** One failure however many assertions failed in it; all of them are in its detail. */
function failuresOf(result: Result, inner: Inner | undefined): Failure[] {
  const { name } = result
  if (result.todo !== false) return [{ name, detail: 'marked todo' }]
  const leaves = inner?.leaves ?? []
  if (leaves.length === 0) return [{ name, detail: describe(result) }]
  return [{ name, detail: leaves.map((leaf) => `${leaf.name}\n${leaf.detail}`).join('\n') }]
}

function leavesOf(result: Result, inner: Inner | undefined): Failure[] {
  const leaves = inner?.leaves ?? []
  if (leaves.length === 0) return [{ name: result.name, detail: describe(result) }]
  return leaves.map((leaf) => ({ ...leaf, name: `${result.name} > ${leaf.name}` }))
}

function describe(result: Result): string {
  const diag: Record<string, unknown> = result.diag ?? {}
  const lines = Object.entries(diag)
    .filter(([key, value]) => !NOISE.has(key) && value !== null)
    .map(([key, value]) => `  ${key}: ${asText(value)}`)
  const place = placeOf(diag['at'])
  return [...(place === '' ? [] : [`  at ${place}`]), ...lines].join('\n')
}

function asText(value: unknown): string {
  const text = typeof value === 'string' ? value.trimEnd() : (JSON.stringify(value) ?? '')
  return text.includes('\n') ? `\n    ${text.replaceAll('\n', '\n    ')}` : text
}

function placeOf(at: unknown): string {
  if (typeof at !== 'object' || at === null) return ''
  if (!('fileName' in at && 'lineNumber' in at)) return ''
  return `${at.fileName}:${at.lineNumber}`
}
