/**
 * One page on loopback, and the part of the admin socket that it needs. It runs in the process of
 * `tsoverlay ui`, so it is root's: docs/security.md tells who may ask, gate.ts sees to it.
 */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { passOn, say } from './agent-door.js'
import type { Assets } from './assets.js'
import { admit, newToken, type Wanted } from './gate.js'
import { passage } from './passages.js'

const LOOPBACK = '127.0.0.1'

/** Nothing from elsewhere, nothing inline, in nobody's frame. */
const HEADERS = {
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join('; '),
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  // the token is in the URL
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-store',
} as const

export interface PageOptions {
  readonly assets: Assets
  readonly socketPath: string
  readonly token?: string
}

export class PageServer {
  readonly #options: PageOptions
  readonly #token: string
  readonly #server: Server

  constructor(options: PageOptions) {
    this.#options = options
    this.#token = options.token ?? newToken()
    this.#server = createServer((request, response) => this.#answer(request, response))
  }

  /**
   * @param port 0: one that is free
   * @returns the page's URL, with its token
   * @throws Error of node:net, such as EADDRINUSE
   */
  async listen(port: number): Promise<string> {
    this.#server.listen({ host: LOOPBACK, port, exclusive: true })
    await once(this.#server, 'listening')
    return `http://${LOOPBACK}:${this.#port}/${this.#token}/`
  }

  async close(): Promise<void> {
    this.#server.close()
    this.#server.closeAllConnections()
    await once(this.#server, 'close')
  }

  get #port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value)
    const wanted = admit(request, this.#token, this.#port)
    if ('why' in wanted) {
      response.writeHead(wanted.status, { 'content-type': 'text/plain; charset=utf-8' })
      response.end(`tsoverlay: ${wanted.why}\n`)
      return
    }
    this.#serve(wanted, request.headers['if-none-match'], response)
  }

  #serve({ path, query }: Wanted, tag: string | undefined, response: ServerResponse): void {
    const asset = this.#options.assets.get(path)
    if (asset !== undefined) {
      response.writeHead(200, { 'content-type': asset.type })
      response.end(asset.body)
      return
    }
    const passed = path.startsWith('/api/') ? passage(path.slice(4), query) : undefined
    if (passed !== undefined) {
      void passOn(passed, this.#options.socketPath, tag, response)
      return
    }
    say(response, 404, { code: 'PAGE_UNKNOWN', message: `the page has no ${path}` })
  }
}
