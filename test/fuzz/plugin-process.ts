/** The built plugin in a process of its own, in surroundings like those that dockerd gives it. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { until } from '../fakes/until.js'
import { run } from '../net/kernel.js'

const ROOTFS = fileURLToPath(new URL('../../build/plugin/rootfs', import.meta.url))
const VTEP = '192.0.2.1'
/** Node's own lines about the inspector, which gauges.ts switches on. */
const INSPECTOR_LINES = /^(Debugger |For help, see|Warning: Ignoring extra certs)/

export class PluginProcess {
  /** the plugin's root, as this process sees it; a short path, for its sockets */
  readonly root: string
  /** log lines of level error, and what is no log line at all */
  readonly complaints: string[] = []
  /** all that it has printed */
  readonly lines: string[] = []
  #child: ChildProcess | undefined

  private constructor(root: string) {
    this.root = root
  }

  /**
   * Starts it with `store` and more settings. To be called in network and mount namespaces that are thrown away: what
   * is mounted and made here is never undone one by one.
   * @param files under the plugin's /tmp: name → content
   */
  static async start(
    store: string,
    settings: Readonly<Record<string, string>> = {},
    files: Readonly<Record<string, string>> = {},
  ): Promise<PluginProcess> {
    const root = mkdtempSync(join(tmpdir(), 'tso-fuzz-'))
    surround(root)
    for (const [name, content] of Object.entries(files)) {
      writeFileSync(join(root, 'tmp', name), content)
    }
    const plugin = new PluginProcess(root)
    await plugin.#run(store, settings)
    return plugin
  }

  /** What the CLI inside of it prints, on both outputs. */
  cli(...argv: readonly string[]): string {
    const env = { TSOVERLAY_SOCKET: '/host/run/tsoverlay/admin.sock' }
    const node = ['-u', 'NODE_OPTIONS', 'chroot', this.root, '/usr/bin/node', '/app/cli.cjs']
    const { stdout, stderr } = spawnSync('env', [...node, ...argv], { env, encoding: 'utf8' })
    return `${stdout}${stderr}`
  }

  get pid(): number {
    return this.#child?.pid ?? 0
  }

  get isRunning(): boolean {
    return this.#child?.exitCode === null && this.#child.signalCode === null
  }

  /** The managed plugin's socket, the v1 one on the host's /run, and the operators'. */
  get sockets(): { readonly rpc: readonly [string, string]; readonly admin: string } {
    return {
      rpc: [
        join(this.root, 'run/docker/plugins/tsoverlay.sock'),
        join(this.root, 'host/run/docker/plugins/tsoverlay.sock'),
      ],
      admin: join(this.root, 'host/run/tsoverlay/admin.sock'),
    }
  }

  /** Ends it as dockerd does. @returns its exit code */
  async stop(): Promise<number | null> {
    const child = this.#child
    if (child !== undefined && this.isRunning) {
      const gone = once(child, 'exit')
      child.kill('SIGTERM')
      const kill = setTimeout(() => child.kill('SIGKILL'), 15_000)
      await gone
      clearTimeout(kill)
    }
    run('ip', 'link', 'delete', 'under0')
    run('umount', '-R', '-l', this.root)
    run('rmdir', this.root)
    return child?.exitCode ?? null
  }

  async #run(store: string, settings: Readonly<Record<string, string>>): Promise<void> {
    const env = {
      PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
      STORE: store,
      ADVERTISE: VTEP,
      NETWORK_SYNC: 'off',
      LOG_LEVEL: 'warn',
      ...settings,
    }
    // tap puts its own loaders into the environment of all that is spawned
    const argv = ['-u', 'NODE_OPTIONS', 'chroot', this.root, '/usr/bin/node', '/app/main.js']
    const child = spawn('env', argv, { env, stdio: ['ignore', 'pipe', 'pipe'] })
    this.#child = child
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', (line) => this.#note(line))
    }
    // one that refuses to start stays for a while (src/main.ts)
    const hasFailed = (): boolean =>
      !this.isRunning || this.lines.some((line) => line.startsWith('tsoverlay: '))
    await until('the plugin listens', () => existsSync(this.sockets.admin) || hasFailed())
    if (!hasFailed()) return
    await this.stop()
    throw new Error(`the plugin ended: ${this.complaints.join('\n')}`)
  }

  #note(line: string): void {
    this.lines.push(line)
    if (INSPECTOR_LINES.test(line) || /^\{"level":"(warn|info|debug)"/.test(line)) return
    this.complaints.push(line)
  }
}

/** What runc and dockerd mount around a plugin, and an underlay. */
function surround(root: string): void {
  run('mount', '--bind', ROOTFS, root)
  run('mount', '--rbind', '/dev', join(root, 'dev'))
  run('mount', '-t', 'proc', 'proc', join(root, 'proc'))
  for (const path of ['run', 'data', 'tmp', 'host/run']) {
    run('mount', '-t', 'tmpfs', 'tmpfs', join(root, path))
  }
  for (const path of ['run/docker/plugins', 'host/run/docker/plugins']) {
    mkdirSync(join(root, path), { recursive: true })
  }
  run('ip', 'link', 'add', 'under0', 'type', 'veth', 'peer', 'name', 'under1')
  run('ip', 'address', 'add', `${VTEP}/24`, 'dev', 'under0')
  for (const link of ['under0', 'under1']) run('ip', 'link', 'set', link, 'up')
}
