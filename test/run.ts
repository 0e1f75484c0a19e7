/**
 * Runs groups of tap files and counts what really happened. Its last line is always
 * `N passed, N failed, N skipped`; it exits with 1 if anything failed or nothing ran.
 *
 *   node --import tsx test/run.ts [--jobs N] [--timeout S] NAME=GLOB…
 */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { filesOf } from './lab/glob.js'
import { countTap, type FileResult, fileFailure } from './lab/tap-results.js'

interface Limits {
  readonly jobs: number
  /** Seconds for one file. */
  readonly timeout: number
}

const ROOT = fileURLToPath(new URL('..', import.meta.url))
/**
 * Tests that share the kernel run one after another. An e2e file has a lab of its own
 * (`TAP_JOB_ID`, test/lab/names.ts) and waits more than it works.
 */
const LIMITS: Readonly<Record<string, Limits>> = {
  unit: { jobs: 2, timeout: 120 },
  contract: { jobs: 1, timeout: 180 },
  net: { jobs: 1, timeout: 180 },
  ui: { jobs: 1, timeout: 180 },
  'e2e-alone': { jobs: 1, timeout: 1200 },
  e2e: { jobs: 2, timeout: 1200 },
}
const OTHER: Limits = { jobs: 1, timeout: 300 }

/** Runs the files of one group by tap, and tells of each as it ends. */
async function runGroup(name: string, files: readonly string[], limits: Limits) {
  const results: FileResult[] = []
  const parser = countTap((result) => {
    results.push(result)
    console.log(progressLine(name, result))
  })
  const flags = ['--reporter=tap', `--jobs=${limits.jobs}`, `--timeout=${limits.timeout}`]
  const child = spawn('node_modules/.bin/tap', ['run', ...flags, ...files], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = new Promise<number | null>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', resolve)
  })
  child.stdout.on('data', (chunk: Buffer) => parser.write(chunk))
  const code = await ended
  parser.end()
  const seen = new Set(results.map((result) => result.file))
  for (const file of files) {
    if (!seen.has(file)) results.push(fileFailure(file, `did not run; tap ended with ${code}`))
  }
  return results
}

function progressLine(group: string, result: FileResult): string {
  const { file, passed, skipped, failures, milliseconds } = result
  const counts = [
    `${passed} passed`,
    ...(failures.length > 0 ? [`${failures.length} failed`] : []),
    ...(skipped > 0 ? [`${skipped} skipped`] : []),
  ]
  const verdict = failures.length > 0 ? 'FAILED' : 'ok'
  return `${verdict.padEnd(6)} ${group}  ${file}  ${counts.join(', ')}  ${(milliseconds / 1000).toFixed(1)} s`
}

/** Prints every failure, then the sum. @returns the exit code. */
function report(results: readonly FileResult[]): number {
  for (const { file, failures } of results) {
    for (const { name, detail } of failures) console.log(`\n✗ ${file}\n  ${name}\n${detail}`)
  }
  const sum = (count: (result: FileResult) => number) =>
    results.reduce((total, result) => total + count(result), 0)
  const passed = sum((result) => result.passed)
  const failed = sum((result) => result.failures.length)
  const skipped = sum((result) => result.skipped)
  console.log(`\n${passed} passed, ${failed} failed, ${skipped} skipped`)
  return failed > 0 || passed + skipped === 0 ? 1 : 0
}

/** `unit=test/core/*.test.ts` and so on; a name that comes twice is one group. */
function groupsOf(words: readonly string[]): Map<string, string[]> {
  const groups = new Map<string, string[]>()
  for (const word of words) {
    const [, name, pattern] = /^([a-z0-9-]+)=(.+)$/.exec(word) ?? []
    if (name === undefined || pattern === undefined) throw new Error(`${word} is not NAME=GLOB`)
    groups.set(name, [...(groups.get(name) ?? []), ...filesOf(pattern, ROOT)])
  }
  return groups
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { jobs: { type: 'string' }, timeout: { type: 'string' } },
})
const results: FileResult[] = []
for (const [name, files] of groupsOf(positionals)) {
  const limits = LIMITS[name] ?? OTHER
  const jobs = Number(values.jobs ?? limits.jobs)
  const timeout = Number(values.timeout ?? limits.timeout)
  console.log(`${name}: ${files.length} ${files.length === 1 ? 'file' : 'files'}`)
  if (files.length > 0) results.push(...(await runGroup(name, files, { jobs, timeout })))
}
process.exitCode = report(results)
