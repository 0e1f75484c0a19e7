/**
 * One unix socket with an HTTP server behind it.
 *
 * The server binds under a second name, gets its mode, and is then renamed into place: a stale
 * socket is replaced in one step, and nobody meets a socket with a wrong mode or without a server.
 */
import { once } from 'node:events'
import { chmod, lstat, mkdir, rename, rm } from 'node:fs/promises'
import { createServer, type RequestListener, type Server } from 'node:http'
import { connect } from 'node:net'
import { dirname } from 'node:path'
import { TsoverlayError } from '../core/errors.js'

/**
 * No timeout closes a connection of dockerd's: it would repeat a call that met one with an empty
 * body. keepAliveTimeout 0: idle ones stay for ever. headersTimeout and requestTimeout 0: node
 * else ends a connection on which no request has come for a minute, as Go's client opens in
 * reserve (node's lib/_http_server.js checkConnections).
 */
const NO_TIMEOUTS = { keepAliveTimeout: 0, headersTimeout: 0, requestTimeout: 0 }

/** Bytes: sun_path of unix(7) less its NUL. Node 20 cuts longer paths in silence. */
const PATH_LIMIT = 107

export class UnixListener {
  readonly path: string
  readonly #inode: number
  readonly #server: Server

  private constructor(path: string, inode: number, server: Server) {
    this.path = path
    this.#inode = inode
    this.#server = server
  }

  /**
   * Listens at `path`, mode 0600; makes its directory if there is none.
   * @throws TsoverlayError SOCKET_IN_USE when something answers there, SETTING_INVALID when it is no
   *   socket, or the path is longer than 103 bytes
   */
  static async open(path: string, handler: RequestListener): Promise<UnixListener> {
    const fresh = `${path}.new`
    if (Buffer.byteLength(fresh) > PATH_LIMIT) throw unusable(path, 'has too long a path')
    await mkdir(dirname(path), { recursive: true })
    await refuseUnlessStale(path)
    await rm(fresh, { force: true })
    const server = createServer(NO_TIMEOUTS, handler)
    server.listen(fresh)
    await once(server, 'listening')
    try {
      await chmod(fresh, 0o600)
      const { ino } = await lstat(fresh)
      await rename(fresh, path)
      return new UnixListener(path, ino, server)
    } catch (error) {
      server.close()
      throw error
    }
  }

  /**
   * Takes the socket away, then ends when the last request under way has been answered. A dial
   * then fails, which dockerd repeats with its whole body, until a next plugin listens.
   */
  async close(): Promise<void> {
    const stat = await lstat(this.path).catch(() => undefined)
    if (stat?.ino === this.#inode) await rm(this.path, { force: true })
    await new Promise((resolve) => this.#server.close(resolve))
  }

  /** @param told of each error of the socket, of which nobody else learns */
  onError(told: (error: Error) => void): void {
    this.#server.on('error', told)
  }

  /** Ends all connections, answered or not. */
  destroy(): void {
    this.#server.closeAllConnections()
  }
}

async function refuseUnlessStale(path: string): Promise<void> {
  const stat = await lstat(path).catch(() => undefined)
  if (stat === undefined) return
  if (!stat.isSocket()) throw unusable(path, 'is not a socket')
  if (await answers(path)) {
    throw new TsoverlayError(
      'SOCKET_IN_USE',
      `the plugin socket ${path} is in use: another process answers on it`,
    )
  }
}

function unusable(path: string, state: string): TsoverlayError {
  return new TsoverlayError('SETTING_INVALID', `the plugin socket ${path} ${state}`)
}

/** Only a refused connection shows that nobody has the socket open. */
async function answers(path: string): Promise<boolean> {
  const socket = connect(path)
  try {
    await once(socket, 'connect')
    return true
  } catch (error) {
    return !(error instanceof Error && 'code' in error && error.code === 'ECONNREFUSED')
  } finally {
    socket.destroy()
  }
}
