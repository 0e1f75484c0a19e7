/** Who gets an answer from the page's server, and what of the admin socket. */
import { type IncomingMessage, request } from 'node:http'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { serve } from './browser.js'
import { THREE, testCluster } from './fixture.js'

interface Asked {
  readonly path?: string
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
}

/** By the request line and headers as they are given, as a browser would never let a page do. */
async function ask(url: string, { path = '', method = 'GET', headers = {} }: Asked = {}) {
  const { hostname, port, pathname } = new URL(url)
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    const options = { hostname, port, method, headers, path: path.startsWith('/') ? path : pathname + path }
    request(options, resolve).on('error', reject).end()
  })
  return { status: answer.statusCode, headers: answer.headers, body: await text(answer) }
}

t.test('only with the token', async (t) => {
  const cluster = await testCluster(t, THREE)
  const { url } = await serve(t, cluster.socketPath)
  t.match(url, /^http:\/\/127\.0\.0\.1:\d+\/[\w-]{32}\/$/)
  t.equal((await ask(url)).status, 200)
  t.match(JSON.parse((await ask(url, { path: 'api/hosts' })).body), [{ name: 'node-2' }, {}, {}])
  const token = new URL(url).pathname.slice(1, -1)
  const wrong = `${token.slice(0, -1)}${token.endsWith('A') ? 'B' : 'A'}`
  for (const path of ['/', '/page.js', '/api/hosts', `/${wrong}/`, `/${wrong}/api/hosts`, '/%00/']) {
    const { status, body } = await ask(url, { path })
    t.equal(status, 403, path)
    t.equal(body, 'tsoverlay: open the URL that `tsoverlay ui` has printed: it has a token\n')
  }
  const { url: other } = await serve(t, cluster.socketPath)
  t.not(new URL(other).pathname, new URL(url).pathname, 'each run has its own')
})

t.test('no other name, no other origin, no other site', async (t) => {
  const cluster = await testCluster(t, THREE)
  const { url } = await serve(t, cluster.socketPath)
  const { port, host } = new URL(url)
  const path = 'api/hosts'
  for (const headers of [
    { host: `rebound.example:${port}` },
    { host: '127.0.0.1' },
    { host: `127.0.0.1:${Number(port) + 1}` },
    { host: '' },
    { host, origin: 'http://rebound.example' },
    { host, origin: 'null' },
    { host, origin: `https://${host}` },
    { host, 'sec-fetch-site': 'cross-site' },
    { host, 'sec-fetch-site': 'same-site' },
  ]) {
    const { status, body } = await ask(url, { path, headers })
    t.equal(status, 403, JSON.stringify(headers))
    t.notMatch(body, /node-2/)
  }
  for (const headers of [
    { host, origin: `http://${host}`, 'sec-fetch-site': 'same-origin' },
    { host: `localhost:${port}`, origin: `http://localhost:${port}` },
    { host, 'sec-fetch-site': 'none' },
  ]) {
    t.equal((await ask(url, { path, headers })).status, 200, JSON.stringify(headers))
  }
})

t.test('nothing but GET, and nothing but the list', async (t) => {
  const cluster = await testCluster(t, THREE)
  const { url } = await serve(t, cluster.socketPath)
  for (const method of ['PUT', 'DELETE', 'POST', 'OPTIONS', 'HEAD']) {
    t.equal((await ask(url, { method, path: 'api/hosts' })).status, 405, method)
  }
  for (const path of [
    'api/metrics',
    'api/hosts/x',
    'api/names/lookup?name=x',
    'api/../metrics',
    'api//metrics',
    'api/constructor',
    'api/hosts%2fx',
    '../../etc/passwd',
    'index.html',
  ]) {
    t.equal((await ask(url, { path })).status, 404, path)
  }
  const { headers } = await ask(url)
  t.match(headers['content-security-policy'], /default-src 'none'/)
  t.match(headers, {
    'cache-control': 'no-store',
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
    'cross-origin-resource-policy': 'same-origin',
  })
})

t.test('what has not changed is not sent again; parameters that are not meant do not pass', async (t) => {
  const cluster = await testCluster(t, THREE)
  const { url } = await serve(t, cluster.socketPath)
  const path = 'api/endpoints?network=nothing-like-it'
  const first = await ask(url, { path })
  t.equal(first.status, 200)
  const headers = { 'if-none-match': first.headers.etag ?? '' }
  t.match(await ask(url, { path, headers }), { status: 304, body: '' })
  await cluster.lose(2)
  t.equal((await ask(url, { path: 'api/hosts', headers })).status, 200)
})

t.test('what the agent refuses and that it is away goes on to the page', async (t) => {
  const cluster = await testCluster(t, THREE)
  const { url } = await serve(t, cluster.socketPath)
  cluster.store.unavailable = true
  const refused = await ask(url, { path: 'api/hosts' })
  t.match(JSON.parse(refused.body), { error: { code: 'STORE_UNAVAILABLE' } })
  cluster.store.unavailable = false
  await cluster.stop()
  const away = await ask(url, { path: 'api/hosts' })
  t.equal(away.status, 502)
  t.match(JSON.parse(away.body), {
    error: { code: 'AGENT_AWAY', message: /^the plugin does not run on this host/ },
  })
})
