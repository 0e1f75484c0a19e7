import { spawn } from 'node:child_process'
import { LabError } from './names.js'

export interface RunResult {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export interface RunOptions {
  /** false: a non-zero exit is returned instead of thrown. */
  readonly check?: boolean
  /** Milliseconds until the command and its children are killed; 60,000 unless told. */
  readonly timeoutMs?: number
  readonly input?: string | Buffer
  readonly env?: Readonly<Record<string, string>>
  /** How errors name the command, if not by its whole line. */
  readonly called?: string
}

const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
/** `timeout(1)` uses it too. */
const TIMED_OUT = 124
const running = new Set<number>()

/** Asks every command that `run` waits for to end (SIGTERM), with what it has started. */
export function endRunning(): void {
  for (const pid of running) killGroup(pid, 'SIGTERM')
}

/**
 * Runs one command with nothing of the caller's environment but a plain PATH, and waits for it.
 * @throws LabError with the command and the end of its output if it exits non-zero or takes longer
 *   than `timeoutMs` (with `check: false` a timeout is code 124), or cannot be started.
 */
export async function run(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const result = await collect(argv, options)
  if (result.code !== 0 && options.check !== false) {
    const output = (result.stderr.trim() || result.stdout.trim()).split('\n').slice(-8).join('\n')
    throw new LabError(
      `\`${options.called ?? argv.join(' ')}\` ended with ${result.code}: ${output}`,
    )
  }
  return result
}

function collect(argv: readonly string[], options: RunOptions): Promise<RunResult> {
  const [command = '', ...rest] = argv
  const timeoutMs = options.timeoutMs ?? 60_000
  return new Promise((resolve, reject) => {
    // A process group of its own, so that a timeout also ends what the command has started.
    const child = spawn(command, rest, {
      detached: true,
      env: { PATH, HOME: '/root', LANG: 'C.UTF-8', ...options.env },
    })
    const stdout: Buffer[] = []
    const stderr: Buffer[] = []
    let timedOut = false
    const timer = setTimeout(() => {
      timedOut = true
      killGroup(child.pid, 'SIGKILL')
    }, timeoutMs)
    if (child.pid !== undefined) running.add(child.pid)
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk))
    child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk))
    child.stdin.on('error', () => {}) // the command may end without reading its input
    child.stdin.end(options.input ?? '')
    child.on('error', (cause) => {
      clearTimeout(timer)
      reject(new LabError(`cannot run \`${command}\`: ${cause.message}`, { cause }))
    })
    child.on('close', (code) => {
      clearTimeout(timer)
      if (child.pid !== undefined) running.delete(child.pid)
      const late = timedOut ? `\nnot done after ${timeoutMs} ms` : ''
      resolve({
        code: timedOut ? TIMED_OUT : (code ?? 1),
        stdout: Buffer.concat(stdout).toString(),
        stderr: Buffer.concat(stderr).toString() + late,
      })
    })
  })
}

function killGroup(pid: number | undefined, name: NodeJS.Signals): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, name)
  } catch {
    // it ended by itself in the meantime
  }
}

/**
 * Asks again until the answer is not undefined.
 * @param what names the thing waited for, in the error.
 * @throws LabError after `timeoutMs`; whatever `probe` throws.
 */
export async function waitFor<T>(
  what: string,
  timeoutMs: number,
  probe: () => T | undefined | Promise<T | undefined>,
): Promise<T> {
  const deadline = Date.now() + timeoutMs
  for (;;) {
    const answer = await probe()
    if (answer !== undefined) return answer
    if (Date.now() >= deadline) throw new LabError(`${what}: not so after ${timeoutMs} ms`)
    await sleep(50)
  }
}

export const sleep = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms))
