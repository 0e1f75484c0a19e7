/** A real etcd of one member on loopback, in a directory of its own, that tests can ill-treat. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

/** The one that the plugin ships (`make plugin`), unless told. */
export const ETCD_BINARY =
  process.env['ETCD'] ??
  fileURLToPath(new URL('../../build/plugin/rootfs/usr/bin/etcd', import.meta.url))

/** Version text of the installed etcd; undefined when there is none, so that a test can skip aloud. */
export function etcdVersion(): string | undefined {
  try {
    const text = execFileSync(ETCD_BINARY, ['--version'], { encoding: 'utf8' })
    return /etcd Version: (\S+)/.exec(text)?.[1]
  } catch {
    return undefined
  }
}

/** A TCP port of 127.0.0.1 that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

export class EtcdProcess {
  readonly endpoint: string
  readonly #peer: string
  readonly #dir: string
  readonly #extra: readonly string[]
  #child: ChildProcess | undefined

  private constructor(ports: readonly [number, number], secure: boolean, extra: readonly string[]) {
    this.endpoint = `${secure ? 'https' : 'http'}://127.0.0.1:${ports[0]}`
    this.#peer = `http://127.0.0.1:${ports[1]}`
    this.#dir = mkdtempSync(join(tmpdir(), 'tsoverlay-etcd-'))
    this.#extra = extra
  }

  /** Starts one and waits until it listens. @param options.extra more flags */
  static async create(
    options: { readonly secure?: boolean; readonly extra?: readonly string[] } = {},
  ): Promise<EtcdProcess> {
    const ports = [await freePort(), await freePort()] as const
    const etcd = new EtcdProcess(ports, options.secure ?? false, options.extra ?? [])
    try {
      await etcd.start()
    } catch (error) {
      await etcd.remove()
      throw error
    }
    return etcd
  }

  get pid(): number {
    return this.#child?.pid ?? 0
  }

  async start(): Promise<void> {
    const args = [
      ['--name', 'test'],
      ['--data-dir', join(this.#dir, 'data')],
      ['--listen-client-urls', this.endpoint],
      ['--advertise-client-urls', this.endpoint],
      ['--listen-peer-urls', this.#peer],
      ['--initial-advertise-peer-urls', this.#peer],
      ['--initial-cluster', `test=${this.#peer}`],
      ['--logger', 'zap'],
      ['--log-level', 'error'],
      this.#extra,
    ].flat()
    this.#child = spawn(ETCD_BINARY, args, { stdio: 'ignore' })
    await this.#untilReady()
  }

  /** Ends it politely; start() brings it back on the same port with the same data. */
  async stop(): Promise<void> {
    await this.#end('SIGTERM')
  }

  async kill(): Promise<void> {
    await this.#end('SIGKILL')
  }

  /** The process hangs: connections stay open, nothing is answered. */
  /** Returns when it stands still: a thread that runs on another processor does so a moment after the signal. */
  pause(): void {
    const { pid } = this.#child ?? {}
    if (pid === undefined) return
    process.kill(pid, 'SIGSTOP')
    while (threadStates(pid).some((state) => state !== 'T'));
  }

  resume(): void {
    this.#child?.kill('SIGCONT')
  }

  /** Forgets all data; only between stop() and start(). */
  wipe(): void {
    rmSync(join(this.#dir, 'data'), { recursive: true, force: true })
  }

  /** One request to etcd's JSON gateway: `post('kv/range', { key: base64 })`. */
  async post(path: string, body: object): Promise<unknown> {
    const response = await fetch(`${this.endpoint}/v3/${path}`, {
      method: 'POST',
      body: JSON.stringify(body),
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`${path}: ${text}`)
    return JSON.parse(text)
  }

  /** Drops all history before now. */
  async compact(): Promise<void> {
    const answer = await this.post('kv/range', { key: Buffer.from('/').toString('base64') })
    const revision = /"revision":"(\d+)"/.exec(JSON.stringify(answer))?.[1]
    await this.post('kv/compaction', { revision }).catch((error: Error) => {
      if (!error.message.includes('has been compacted')) throw error
    })
  }

  /** Ends it and removes its directory. */
  async remove(): Promise<void> {
    await this.#end('SIGKILL')
    rmSync(this.#dir, { recursive: true, force: true })
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child
    if (child === undefined) return
    this.#child = undefined
    const exited = child.exitCode === null && child.signalCode === null ? once(child, 'exit') : []
    child.kill(signal)
    child.kill('SIGCONT')
    await exited
  }

  async #untilReady(): Promise<void> {
    for (let tries = 0; tries < 200; tries++) {
      if (this.#child?.exitCode !== null) throw new Error('etcd ended while starting')
      if (await this.#answers()) return
      await sleep(50)
    }
    throw new Error('etcd did not become ready in 10 s')
  }

  /** With TLS a request would need certificates, so an open port has to do. */
  async #answers(): Promise<boolean> {
    const { protocol, port } = new URL(this.endpoint)
    if (protocol === 'http:') {
      const answer = await fetch(`${this.endpoint}/health`).catch(() => undefined)
      return (await answer?.text())?.includes('true') ?? false
    }
    const socket = connect(Number(port), '127.0.0.1')
    const open = await once(socket, 'connect').then(
      () => true,
      () => false,
    )
    socket.destroy()
    return open
  }
}

/** Of each thread, as in proc_pid_stat(5): T is one that a signal has stopped. */
function threadStates(pid: number): readonly string[] {
  const tasks = `/proc/${pid}/task`
  return readdirSync(tasks).map((task) => {
    const stat = readFileSync(`${tasks}/${task}/stat`, 'utf8')
    // behind the name, which may have any characters
    return stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3)
  })
}
