import { readFile } from 'node:fs/promises'
import { request } from 'node:http'
import { relative } from 'node:path'
import { type RunOptions, type RunResult, waitFor } from './exec.js'
import { IMAGE } from './image.js'
import { Machine } from './machine.js'
import { LabError } from './names.js'

/** A dockerd that ends a dozen containers of its former run before it answers takes half a minute. */
const API_TIMEOUT_MS = 60_000
const PLUGIN_TIMEOUT_MS = 180_000
const DOCKER_SOCKET = '/run/docker.sock'

export interface PluginInstall {
  /** Its reference, e.g. `local/tsoverlay`. */
  readonly name: string
  /** For `docker plugin set`, e.g. `STORE`. */
  readonly settings?: Readonly<Record<string, string>>
  /** false: leave it disabled. */
  readonly enable?: boolean
}

/** A machine that runs dockerd: hK of the lab. */
export class Host extends Machine {
  /** dockerd alone. After `kill` its containers and managed plugins live on. */
  readonly dockerd = {
    /** Returns when the API answers. `args` replaces dockerd's further arguments for good. */
    start: async (args?: readonly string[]): Promise<void> => {
      await this.service.start(args)
      await this.awaitDocker()
    },
    stop: (): Promise<void> => this.service.stop(),
    kill: (): Promise<void> => this.service.kill(),
    isRunning: (): Promise<boolean> => this.service.isRunning(),
    log: (lines?: number): Promise<string> => this.serviceLog(lines),
  }

  /** Where dockerd answers on the underlay, for clients that take a TCP address. */
  get dockerUrl(): string {
    return `http://${this.address}:2375`
  }

  /** dockerd's unix socket as a path of the outside; valid until the next power-off. */
  get dockerSocket(): string {
    return this.path(DOCKER_SOCKET)
  }

  /** `docker …` with the host's own client. @throws LabError as `sh` does. */
  docker(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    return this.sh(['docker', ...argv], options)
  }

  /** Powers it on and waits until dockerd answers. */
  override async boot(): Promise<void> {
    await super.boot()
    await this.awaitDocker()
  }

  /** @throws LabError with the end of dockerd's log if it doesn't answer in 60 s. */
  async awaitDocker(): Promise<void> {
    try {
      await waitFor(`${this.name}: dockerd`, API_TIMEOUT_MS, async () =>
        (await this.#ping()) ? true : undefined,
      )
    } catch (cause) {
      throw new LabError(`${this.name}: dockerd does not answer:\n${await this.serviceLog(8)}`, {
        cause,
      })
    }
  }

  /** Imports the tarball as the image that lab containers run. */
  async loadImage(tarball: string): Promise<void> {
    const input = await readFile(tarball)
    await this.docker(['import', '-c', 'CMD ["sh"]', '-', IMAGE], { input })
  }

  /**
   * Creates, sets and enables a managed plugin.
   * @param directory on the outside, with config.json and rootfs/; must lie in the lab's share.
   * @throws LabError if it does not, or with what dockerd says.
   */
  async installPlugin(directory: string, options: PluginInstall): Promise<void> {
    const { name, settings = {}, enable = true } = options
    const inside = relative(this.spec.share, directory)
    if (inside.startsWith('..')) {
      throw new LabError(`${directory} is not in the share ${this.spec.share}`)
    }
    const limit = { timeoutMs: PLUGIN_TIMEOUT_MS }
    await this.docker(['plugin', 'create', name, `/shared/${inside}`], limit)
    const pairs = Object.entries(settings).map(([key, value]) => `${key}=${value}`)
    if (pairs.length > 0) await this.docker(['plugin', 'set', name, ...pairs])
    if (enable) await this.docker(['plugin', 'enable', name], limit)
  }

  /** Removes a managed plugin whatever its state. @throws LabError if there's none. */
  async removePlugin(name: string): Promise<void> {
    await this.docker(['plugin', 'rm', '-f', name], { timeoutMs: PLUGIN_TIMEOUT_MS })
  }

  #ping(): Promise<boolean> {
    const socketPath = this.dockerSocket
    return new Promise((resolve) => {
      const asked = request({ socketPath, path: '/_ping', timeout: 2_000 }, (response) => {
        response.resume()
        resolve(response.statusCode === 200)
      })
      asked.on('timeout', () => asked.destroy())
      asked.on('error', () => resolve(false))
      asked.end()
    })
  }
}
