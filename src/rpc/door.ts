/**
 * The plugin's sockets with a handler that may come later: until then calls wait.
 *
 * dockerd looks for the socket of a managed plugin once, 500 ms after it has started its process,
 * and then only every 3 s (moby plugin/manager_linux.go pluginPostStart). To read our code takes
 * about as long as that, so the sockets are there before it.
 */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { UnixListener } from './unix-listener.js'

export class Door {
  readonly #listeners: UnixListener[] = []
  readonly #waiting: [IncomingMessage, ServerResponse][] = []
  #handler: RequestListener | undefined

  get listeners(): readonly UnixListener[] {
    return this.#listeners
  }

  /**
   * Listens on a unix socket (mode 0600), in place of a stale one; once is enough.
   * @throws TsoverlayError as UnixListener.open
   */
  async listen(path: string): Promise<void> {
    if (this.#listeners.some((listener) => listener.path === path)) return
    this.#listeners.push(await UnixListener.open(path, (...call) => this.#handle(...call)))
  }

  /** Has all calls answered, the waiting ones first. */
  open(handler: RequestListener): void {
    this.#handler = handler
    for (const call of this.#waiting.splice(0)) handler(...call)
  }

  /** For a start that failed: the sockets go and whoever waits is cut off. */
  async shut(): Promise<void> {
    const closed = this.#listeners.splice(0).map((listener) => {
      const gone = listener.close()
      listener.destroy()
      return gone
    })
    await Promise.all(closed)
  }

  #handle(...call: [IncomingMessage, ServerResponse]): void {
    if (this.#handler === undefined) this.#waiting.push(call)
    else this.#handler(...call)
  }
}
