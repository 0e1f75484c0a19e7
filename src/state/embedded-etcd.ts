/**
 * The etcd that is packed with the plugin: one member, on loopback, for a host without STORE.
 *
 * `start` answers before etcd does. dockerd waits for the plugin only a few seconds, etcd may need
 * longer after a power loss, and the store's calls cope with an etcd that is not there yet.
 *
 * Ports are chosen anew at each start. A single member needs nobody else to find its peer port, and
 * etcd takes its own peer URL from the data directory only to tell it to others; so a change is
 * harmless.
 *
 * When the plugin is killed with -9 its etcd lives on and holds the data directory's lock. The next
 * start ends it: `pid` in the data directory names it, and it is only believed if that process runs
 * our command line in our very directory, compared by inode, since another plugin's directory can
 * have the same name in another mount namespace.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  accessSync,
  chmodSync,
  constants,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { messageOf, TsoverlayError } from '../core/errors.js'
import type { Logger } from '../core/ports.js'
import { etcdArguments, isOurs } from './etcd-arguments.js'

const RESTART_FIRST = 200
const RESTART_MAX = 5_000
/** A run that lasted this long (ms) ends the series of failures. */
const GOOD_RUN = 30_000
const STOP_TIMEOUT = 5_000
const STALE_TIMEOUT = 500

export interface EmbeddedEtcdOptions {
  /** absolute path of etcd, 3.4 or later */
  readonly binary: string
  /** made with mode 0700 if it is not there */
  readonly dataDir: string
  readonly logger: Logger
}

export class EmbeddedEtcd {
  readonly #binary: string
  readonly #dataDir: string
  readonly #logger: Logger
  #running: Promise<void> | undefined
  #child: ChildProcess | undefined
  readonly #stopping = new AbortController()

  constructor(options: EmbeddedEtcdOptions) {
    this.#binary = options.binary
    this.#dataDir = options.dataDir
    this.#logger = options.logger
  }

  /** Process id of the etcd that runs now. */
  get pid(): number | undefined {
    return this.#child?.pid
  }

  /**
   * Spawns etcd, now and whenever it ends; once per object.
   * @returns client URLs, which stay the same until stop()
   * @throws TsoverlayError STORE_UNAVAILABLE when the binary or the directory cannot be used
   */
  async start(): Promise<readonly string[]> {
    try {
      accessSync(this.#binary, constants.X_OK)
      mkdirSync(this.#dataDir, { recursive: true, mode: 0o700 })
      chmodSync(this.#dataDir, 0o700)
    } catch (error) {
      const what = `embedded etcd "${this.#binary}" cannot run in "${this.#dataDir}"`
      throw new TsoverlayError('STORE_UNAVAILABLE', `${what}: ${messageOf(error)}`, error)
    }
    await this.#endStale()
    const [client, peer] = await freePorts()
    const args = etcdArguments({ dataDir: this.#dataDir, client, peer })
    this.#spawn(args)
    this.#running = this.#keepRunning(args)
    return [`http://127.0.0.1:${client}`]
  }

  /** Ends etcd: SIGTERM, after 5 s SIGKILL. Nothing running is success. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    const child = this.#child
    child?.kill('SIGTERM')
    const timer = setTimeout(() => {
      this.#logger.warn({ pid: child?.pid }, 'embedded etcd did not end, killing it')
      child?.kill('SIGKILL')
    }, STOP_TIMEOUT)
    await this.#running
    clearTimeout(timer)
  }

  #spawn(args: readonly string[]): void {
    // cwd: by its inode a later plugin knows this process as the owner of the directory
    const child = spawn(this.#binary, args, {
      cwd: this.#dataDir,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: '/usr/bin:/bin' },
    })
    this.#child = child
    if (child.pid !== undefined) writeFileSync(this.#pidFile, `${child.pid}\n`, { mode: 0o600 })
    this.#logger.info({ pid: child.pid }, 'embedded etcd started')
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', (line) => this.#log(line))
    }
  }

  /** Until stop(): waits for the end of etcd and spawns it again. Never rejects. */
  async #keepRunning(args: readonly string[]): Promise<void> {
    for (let failures = 0; ; ) {
      const started = performance.now()
      const how = await this.#ended()
      this.#child = undefined
      if (this.#stopping.signal.aborted) break
      failures = performance.now() - started > GOOD_RUN ? 1 : failures + 1
      const delay = Math.min(RESTART_MAX, RESTART_FIRST * 2 ** Math.min(failures - 1, 10))
      this.#logger.error({ ...how, failures, delay }, 'embedded etcd ended, starting it again')
      const { signal } = this.#stopping
      await sleep(delay, undefined, { signal }).catch(() => undefined)
      if (signal.aborted) break
      this.#spawn(args)
    }
    rmSync(this.#pidFile, { force: true })
  }

  async #ended(): Promise<object> {
    const child = this.#child
    if (child === undefined) return {}
    return await new Promise((resolve) => {
      child.once('error', (error) => resolve({ error: error.message }))
      child.once('exit', (code, signal) => resolve({ code, signal }))
    })
  }

  get #pidFile(): string {
    return join(this.#dataDir, 'pid')
  }

  /** Kills at once: nobody uses it any more, and what etcd has acknowledged is on disk. */
  async #endStale(): Promise<void> {
    const pid = readPid(this.#pidFile)
    if (pid === undefined || !this.#isStale(pid)) return
    this.#logger.warn({ pid }, 'ending the etcd of a plugin that was killed')
    process.kill(pid, 'SIGKILL')
    const end = performance.now() + STALE_TIMEOUT
    while (this.#isStale(pid) && performance.now() < end) await sleep(10)
  }

  /** A zombie has no command line any more, and so is none of ours. */
  #isStale(pid: number): boolean {
    try {
      const args = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
      const [its, ours] = [statSync(`/proc/${pid}/cwd/`), statSync(this.#dataDir)]
      return isOurs(args, this.#dataDir) && its.dev === ours.dev && its.ino === ours.ino
    } catch {
      return false
    }
  }

  /** etcd writes one JSON object a line, with `level` and `msg`; what is not JSON is a crash. */
  #log(line: string): void {
    let level = 'error'
    try {
      level = String(JSON.parse(line).level)
    } catch {}
    const harmless = level === 'debug' || level === 'info'
    this.#logger[harmless ? 'debug' : 'warn']({ line }, 'embedded etcd says')
  }
}

function readPid(file: string): number | undefined {
  try {
    const pid = Number(readFileSync(file, 'utf8').trim())
    return Number.isSafeInteger(pid) && pid > 1 ? pid : undefined
  } catch {
    return undefined
  }
}

/** Two ports of 127.0.0.1 that nobody listens on: held at the same time, so they differ. */
async function freePorts(): Promise<[number, number]> {
  const servers = [createServer(), createServer()]
  const ports = await Promise.all(
    servers.map(async (server) => {
      server.listen(0, '127.0.0.1')
      await once(server, 'listening')
      const address = server.address()
      return typeof address === 'object' && address !== null ? address.port : 0
    }),
  )
  await Promise.all(servers.map((server) => once(server.close(), 'close')))
  return [ports[0] ?? 0, ports[1] ?? 0]
}
