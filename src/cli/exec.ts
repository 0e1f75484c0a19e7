/**
 * Becomes another program in a network namespace: setns(2) and execvp(3) on the main thread, so that
 * terminal, signals and exit code are the program's own. Node has neither call. koffi is loaded here, by
 * who runs a program, and by no other verb.
 */
import { closeSync, openSync, readFileSync, readlinkSync } from 'node:fs'
import { getSystemErrorName } from 'node:util'
import { messageOf } from '../core/errors.js'
import { CliFailure } from './failure.js'

/** linux/sched.h, signal.h, sys/resource.h, fcntl.h */
const CLONE_NEWNET = 0x40000000
const SIGPIPE = 13
const SIGXFSZ = 25
const RLIMIT_NOFILE = 7
const F_SETFD = 2
const F_GETFL = 3
const F_SETFL = 4
const O_NONBLOCK = 0o4000
/** standard input, output and errors */
const STANDARD: readonly number[] = [0, 1, 2]
/** libuv's uv_disable_stdio_inheritance looks at these, and at more only without a gap. */
const GIVEN_FILES = 16
/** As shells say it: the program was found and cannot be run; it was not found. */
const NOT_RUN = 126
const NOT_FOUND = 127

/**
 * Does not return but for a failure.
 * @param path of the namespace's file; empty: that of this process
 * @throws CliFailure with 1 when there is no such namespace, else with 126 or 127 as shells have them
 */
export async function runIn(path: string, command: readonly string[]): Promise<never> {
  const { default: koffi } = await import('koffi')
  const libc = koffi.load('libc.so.6')
  const reason = (): string => getSystemErrorName(-koffi.errno())
  if (path !== '') {
    const fd = opened(path)
    const result: unknown = libc.func('int setns(int fd, int nstype)')(fd, CLONE_NEWNET)
    const why = result === 0 ? undefined : reason()
    closeSync(fd)
    if (why !== undefined) throw cannotOpen(path, why)
  }
  asBefore(libc)
  giveBackOptions()
  const [file = ''] = command
  libc.func('int execvp(const char *file, const char **argv)')(file, [...command, null])
  const why = reason()
  throw why === 'ENOENT'
    ? new CliFailure(`${file}: command not found`, NOT_FOUND)
    : new CliFailure(`${file}: ${inWords(why)}`, NOT_RUN)
}

interface Library {
  func(definition: string): (...args: unknown[]) => unknown
}

/**
 * What node changes for itself at its start and a program inherits (node.cc PlatformInit): it ignores
 * two signals, may open as many files as the hard limit says, and has what it was given as open files
 * closed at an exec; and who has looked at standard output as a stream of node's does not wait for it.
 */
function asBefore(libc: Library): void {
  const control = libc.func('int fcntl(int fd, int command, long flags)')
  for (const fd of givenFiles()) control(fd, F_SETFD, 0)
  for (const fd of STANDARD) {
    const flags = Number(control(fd, F_GETFL, 0))
    if (flags > 0 && (flags & O_NONBLOCK) !== 0) control(fd, F_SETFL, flags & ~O_NONBLOCK)
  }
  const signal = libc.func('void *signal(int number, void *handler)')
  for (const number of [SIGPIPE, SIGXFSZ]) signal(number, null)
  const [soft, hard] = filesOfParent()
  if (soft === undefined || hard === undefined) return
  const limits = Buffer.from(BigUint64Array.of(soft, hard).buffer)
  libc.func('int setrlimit(int resource, const void *limits)')(RLIMIT_NOFILE, limits)
}

/** What the launcher has kept from this node (admin/launcher.ts). */
function giveBackOptions(): void {
  const kept = process.env['TSOVERLAY_NODE_OPTIONS']
  if (kept === undefined) return
  process.env['NODE_OPTIONS'] = kept
  delete process.env['TSOVERLAY_NODE_OPTIONS']
}

/** Standard input, output and errors, and what the process that has started this one has open, too. */
function givenFiles(): readonly number[] {
  const isGiven = (fd: number): boolean => {
    const file = fileAt('self', fd)
    return file !== undefined && !file.startsWith('anon_inode') && file === fileAt(process.ppid, fd)
  }
  return Array.from({ length: GIVEN_FILES }, (_, fd) => fd).filter(
    (fd) => STANDARD.includes(fd) || isGiven(fd),
  )
}

function fileAt(process: number | 'self', fd: number): string | undefined {
  try {
    return readlinkSync(`/proc/${process}/fd/${fd}`)
  } catch {
    return undefined
  }
}

/** Soft and hard limit of the process that has started this one; it has handed down its own. */
function filesOfParent(): readonly bigint[] {
  try {
    const limits = readFileSync(`/proc/${process.ppid}/limits`, 'utf8')
    return (/^Max open files +(\d+) +(\d+) /m.exec(limits) ?? []).slice(1).map(BigInt)
  } catch {
    return []
  }
}

function opened(path: string): number {
  try {
    return openSync(path, 'r')
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : messageOf(error)
    throw cannotOpen(path, code)
  }
}

function cannotOpen(path: string, code: string): CliFailure {
  const name = path.slice(path.lastIndexOf('/') + 1)
  return new CliFailure(`Cannot open network namespace '${name}': ${inWords(code)}`)
}

const WORDS: Readonly<Record<string, string>> = {
  ENOENT: 'No such file or directory',
  EACCES: 'Permission denied',
  EPERM: 'only root may enter it',
  EINVAL: 'no namespace is on its file any more',
  E2BIG: 'Argument list too long',
  EISDIR: 'Is a directory',
}

function inWords(code: string): string {
  return WORDS[code] ?? code
}
