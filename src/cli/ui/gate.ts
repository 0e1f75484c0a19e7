/** Who may ask the page's server: the page itself, with the token of its URL, and nobody else. */
import { randomBytes, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'

/** 192 bits, as they stand in a URL. */
export function newToken(): string {
  return randomBytes(24).toString('base64url')
}

export interface Question {
  readonly method?: string | undefined
  /** path and query, as the request line has them */
  readonly url?: string | undefined
  readonly headers: IncomingHttpHeaders
}

export interface Wanted {
  /** without the token, with the slash before it */
  readonly path: string
  readonly query: URLSearchParams
}

export interface Refused {
  readonly status: 400 | 403 | 405
  /** for people */
  readonly why: string
}

/**
 * A page of another site may send requests here, and by DNS rebinding even under its own name and
 * from its own origin: so Host has to be loopback by a name of ours, with our port, and a browser's
 * word on where the request comes from has to be ours. What is left has no token.
 */
export function admit(question: Question, token: string, port: number): Wanted | Refused {
  const { method, url, headers } = question
  const hosts = [`127.0.0.1:${port}`, `localhost:${port}`]
  const { host, origin } = headers
  if (host === undefined || !hosts.includes(host)) {
    return { status: 403, why: `this page is at ${hosts[0]} only, not at "${host ?? ''}"` }
  }
  if (origin !== undefined && origin !== `http://${host}`) {
    return { status: 403, why: `pages of "${origin}" may not ask here` }
  }
  if (!['same-origin', 'none', undefined].includes(siteOf(headers))) {
    return { status: 403, why: 'other sites may not ask here' }
  }
  if (method !== 'GET') return { status: 405, why: 'only GET is answered here' }
  return wantedOf(url ?? '/', token)
}

function siteOf(headers: IncomingHttpHeaders): string | undefined {
  const site = headers['sec-fetch-site']
  return Array.isArray(site) ? site.join() : site
}

function wantedOf(url: string, token: string): Wanted | Refused {
  if (!url.startsWith('/')) return { status: 400, why: 'a path has to be asked for' }
  const [path = '', ...query] = url.split('?')
  const [, given = '', ...rest] = path.split('/')
  if (!equal(given, token)) {
    return { status: 403, why: 'open the URL that `tsoverlay ui` has printed: it has a token' }
  }
  return { path: `/${rest.join('/')}`, query: new URLSearchParams(query.join('?')) }
}

/** In a time that says nothing of where they differ. */
function equal(given: string, token: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(token)]
  return a.length === b.length && timingSafeEqual(a, b)
}
