/** Runs the few tools of the build machine that packaging needs: ldd, strip, ldconfig, apt-get, dpkg. */
import { spawnSync } from 'node:child_process'

export interface Outcome {
  readonly ok: boolean
  readonly stdout: string
  /** stderr, or why the command could not be started */
  readonly problem: string
}

const ENVIRONMENT = {
  LC_ALL: 'C',
  // etcd 3.4 starts on some processors only when they are named here (etcdmain/etcd.go)
  ETCD_UNSUPPORTED_ARCH: process.arch,
}

/** Runs a command to its end; never throws. `cwd` is where it runs. */
export function attempt(command: string, args: readonly string[], cwd = '/'): Outcome {
  // A test runner's loaders do not exist inside the rootfs, and tap adds them to every spawn's env.
  const done = spawnSync('env', ['-u', 'NODE_OPTIONS', command, ...args], {
    cwd,
    encoding: 'utf8',
    maxBuffer: 64 << 20,
    env: { ...process.env, ...ENVIRONMENT },
  })
  if (done.error) return { ok: false, stdout: '', problem: done.error.message }
  return { ok: done.status === 0, stdout: done.stdout, problem: done.stderr.trim() }
}

/**
 * Runs a command that has to succeed and returns what it printed.
 * @throws Error with the command line and its stderr
 */
export function run(command: string, args: readonly string[], cwd = '/'): string {
  const done = attempt(command, args, cwd)
  if (!done.ok) throw new Error(`${command} ${args.join(' ')}: ${done.problem}`)
  return done.stdout
}
