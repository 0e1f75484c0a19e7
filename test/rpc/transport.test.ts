import { channel } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { request, type Server } from 'node:http'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { TsoverlayError } from '../../src/core/errors.js'
import { Dockerd, errorOf, listening } from './dockerd.js'
import {
  CREATE_ENDPOINT,
  CREATE_NETWORK,
  ENDPOINT,
  NETWORK,
  REQUESTS,
  WITH_BODY,
} from './golden.js'

t.test('a call with Content-Type, or with chunks, is served like one without', async (t) => {
  const { dockerd } = await listening(t)
  const text = JSON.stringify(CREATE_NETWORK)
  const length = { 'Content-Length': Buffer.byteLength(text) }
  const variants = [
    { ...length, 'Content-Type': 'application/json' },
    { ...length, 'Content-Type': 'application/vnd.docker.plugins.v1.2+json' },
    { ...length, 'Content-Type': 'text/plain; charset=utf-8' },
    { 'Transfer-Encoding': 'chunked' },
  ]
  for (const headers of variants) {
    const answer = await dockerd.send('POST', '/NetworkDriver.CreateNetwork', headers, text)
    t.equal(answer.status, 200, JSON.stringify(headers))
  }
})

t.test('fields that we do not know are ignored', async (t) => {
  const { dockerd, recorder } = await listening(t)
  for (const { method, body } of WITH_BODY) {
    const answer = await dockerd.call(method, { ...body, FromTheFuture: { a: [1, null] } })
    t.equal(answer.status, 200, method)
  }
  t.ok(recorder.calls.length > 0)
  t.notMatch(JSON.stringify(recorder.calls), 'FromTheFuture')
})

t.test('an empty body fails every method that takes an argument', async (t) => {
  const { dockerd, recorder } = await listening(t)
  for (const { method } of WITH_BODY) {
    for (const empty of ['', '\n', 'null\n']) {
      const answer = await dockerd.call(method, empty)
      t.equal(answer.status, 500, method)
      t.match(errorOf(answer.body), `${method} came with an empty body`)
    }
    const chunked = { 'Transfer-Encoding': 'chunked' }
    const answer = await dockerd.send('POST', `/${method}`, chunked, '')
    t.match(errorOf(answer.body), 'empty body')
  }
  t.strictSame(recorder.calls, [])
})

t.test('a method without argument takes any JSON body', async (t) => {
  const { dockerd } = await listening(t)
  for (const body of ['', '{}', 'null', '[1]']) {
    t.equal((await dockerd.call('NetworkDriver.GetCapabilities', body)).status, 200, body)
  }
})

t.test('a body that is no JSON fails, and the connection stays', async (t) => {
  const { socket } = await listening(t)
  const dockerd = new Dockerd(socket, 1)
  t.teardown(() => dockerd.close())
  const bad = await dockerd.call('NetworkDriver.Join', '{"NetworkID":')
  t.equal(bad.status, 500)
  t.match(errorOf(bad.body), /^the body of NetworkDriver\.Join is not JSON: /)
  const next = await dockerd.call('NetworkDriver.Leave', REQUESTS['NetworkDriver.Leave'])
  t.match(next, { status: 200, reused: true })
})

t.test('a request that is cut in the middle of its body is no crash', async (t) => {
  const { socket, lines, recorder } = await listening(t)
  const half = connect(socket)
  half.write('POST /NetworkDriver.Leave HTTP/1.1\r\nHost: a\r\nContent-Length: 99\r\n\r\n{')
  await once(half, 'connect')
  await sleep(20)
  half.destroy()
  while (!lines.some(({ message }) => message.startsWith('rpc call'))) await sleep(5)
  t.notOk(lines.some(({ level }) => level === 'error'))
  t.strictSame(recorder.calls, [])
})

t.test('a new network or endpoint has an id as dockerd makes them', async (t) => {
  const { dockerd, recorder } = await listening(t)
  for (const id of ['', 'x', '../../etc/passwd', 'A'.repeat(64), 'a'.repeat(65)]) {
    const network = await dockerd.call('NetworkDriver.CreateNetwork', {
      ...CREATE_NETWORK,
      NetworkID: id,
    })
    t.match(errorOf(network.body), 'NetworkID is')
    const endpoint = await dockerd.call('NetworkDriver.CreateEndpoint', {
      ...CREATE_ENDPOINT,
      EndpointID: id,
    })
    t.match(errorOf(endpoint.body), 'EndpointID is')
  }
  t.strictSame(recorder.calls, [])
})

t.test('a body that is JSON but no object fails', async (t) => {
  const { dockerd, recorder } = await listening(t)
  for (const { method } of WITH_BODY) {
    for (const body of ['[]', '"text"', '5', 'true', '[{"NetworkID":"a"}]']) {
      const answer = await dockerd.call(method, body)
      t.equal(answer.status, 500, `${method} ${body}`)
      t.match(errorOf(answer.body), `${method}: the body is ${body}, but must be object`)
    }
  }
  t.strictSame(recorder.calls, [])
})

t.test('a field that is missing or of a wrong type is named with its value', async (t) => {
  const { dockerd } = await listening(t)
  const cases: [string, object, string][] = [
    ['Join', { EndpointID: ENDPOINT }, 'properties NetworkID'],
    ['Join', { NetworkID: 7, EndpointID: ENDPOINT }, 'NetworkID is 7, but must be string'],
    ['Leave', { NetworkID: NETWORK, EndpointID: '' }, 'EndpointID is "", but must'],
    ['CreateNetwork', { ...CREATE_NETWORK, IPv4Data: {} }, 'IPv4Data is {}, but must be array'],
    ['CreateNetwork', { ...CREATE_NETWORK, IPv4Data: [null] }, 'IPv4Data.0 is null, but must be'],
    [
      'CreateNetwork',
      { NetworkID: NETWORK, Options: { 'com.docker.network.generic': { a: 1 } } },
      'Options.com.docker.network.generic.a is 1, but must be string',
    ],
    [
      'CreateNetwork',
      { NetworkID: NETWORK, Options: { 'com.docker.network.enable_ipv6': 'x'.repeat(200) } },
      'Options.com.docker.network.enable_ipv6 is "xxx',
    ],
  ]
  for (const [name, body, message] of cases) {
    const answer = await dockerd.call(`NetworkDriver.${name}`, body)
    t.equal(answer.status, 500)
    const text = errorOf(answer.body) ?? ''
    t.ok(text.startsWith(`NetworkDriver.${name}: `), text)
    t.ok(text.includes(message), text)
    t.ok(text.length < 250, 'a long value is cut')
  }
})

t.test('a body of more than 1 MiB fails with the limit, and the next call works', async (t) => {
  const { dockerd } = await listening(t)
  const huge = JSON.stringify({ ...CREATE_NETWORK, Padding: 'x'.repeat(1024 * 1024) })
  const variants = [{ 'Content-Length': huge.length }, { 'Transfer-Encoding': 'chunked' }]
  for (const headers of variants) {
    const answer = await dockerd.send('POST', '/NetworkDriver.CreateNetwork', headers, huge)
    t.equal(answer.status, 500)
    t.equal(
      errorOf(answer.body),
      'the body of NetworkDriver.CreateNetwork is larger than 1048576 bytes',
    )
    t.equal((await dockerd.call('NetworkDriver.CreateNetwork', CREATE_NETWORK)).status, 200)
  }
})

t.test('an unknown path or verb is 404, with both error fields', async (t) => {
  const { dockerd } = await listening(t)
  const cases: [string, string][] = [
    ['POST', '/NetworkDriver.EventNotify'],
    ['POST', '/VolumeDriver.List'],
    ['POST', '/'],
    ['POST', '/networkdriver.join'],
    ['POST', '/%zz'],
    ['GET', '/NetworkDriver.GetCapabilities'],
    ['PUT', '/NetworkDriver.Join'],
  ]
  for (const [verb, path] of cases) {
    for (const body of ['', '{}', 'no JSON']) {
      const headers = { 'Content-Length': body.length }
      const answer = await dockerd.send(verb, path, headers, body)
      t.equal(answer.status, 404, `${verb} ${path}`)
      t.equal(errorOf(answer.body), `${verb} ${path} is not a method of this plugin`)
    }
  }
})

t.test('an expected error is 500 with its message in both fields', async (t) => {
  const { dockerd, recorder, lines } = await listening(t)
  const error = new TsoverlayError('ADDRESS_TAKEN', 'address 10.20.0.5 is held by web on host b')
  const fail = () => {
    throw error
  }
  recorder.behave('requestAddress', fail)
  recorder.behave('createEndpoint', fail)
  for (const method of ['IpamDriver.RequestAddress', 'NetworkDriver.CreateEndpoint']) {
    lines.length = 0
    const answer = await dockerd.call(method, REQUESTS[method])
    t.equal(answer.status, 500)
    t.equal(answer.text, JSON.stringify({ Err: error.message, Error: error.message }))
    t.equal(answer.headers['content-type'], 'application/vnd.docker.plugins.v1.2+json')
    t.match(lines, [{ level: 'warn', fields: { method, code: 'ADDRESS_TAKEN' } }])
    t.equal(lines.length, 1)
  }
})

t.test('an unexpected throw of any kind is 500, logged with its stack', async (t) => {
  const { dockerd, recorder, lines } = await listening(t)
  for (const thrown of [new TypeError('x is undefined'), 'text', undefined, null, 7, {}]) {
    lines.length = 0
    recorder.behave('join', () => Promise.reject(thrown))
    const answer = await dockerd.call('NetworkDriver.Join', REQUESTS['NetworkDriver.Join'])
    t.equal(answer.status, 500)
    t.match(errorOf(answer.body), /^NetworkDriver\.Join failed unexpectedly \(/)
    t.match(lines, [{ level: 'error', message: 'rpc call crashed' }])
  }
  recorder.behave('join', () => Promise.reject(new TypeError('x is undefined')))
  lines.length = 0
  await dockerd.call('NetworkDriver.Join', REQUESTS['NetworkDriver.Join'])
  t.match(lines[0]?.fields['err'], { stack: /x is undefined\n\s+at / })
})

t.test('an answer of the driver that does not fit the protocol is an error of ours', async (t) => {
  const { dockerd, recorder, lines } = await listening(t)
  recorder.behave('join', () => ({ sourceName: undefined, namePrefix: 'eth', routes: [] }))
  recorder.behave('endpointInfo', () => ({ count: 5 }))
  for (const name of ['Join', 'EndpointOperInfo']) {
    const method = `NetworkDriver.${name}`
    const answer = await dockerd.call(method, REQUESTS[method])
    t.equal(answer.status, 500)
    t.match(errorOf(answer.body), /failed unexpectedly \(the answer's \//)
  }
  t.strictSame(
    lines.filter(({ message }) => message.startsWith('rpc call')).map(({ level }) => level),
    ['error', 'error'],
  )
})

t.test('each call leaves one debug line with shortened ids', async (t) => {
  const { dockerd, lines } = await listening(t)
  for (const method of Object.keys(REQUESTS)) {
    lines.length = 0
    await dockerd.call(method, REQUESTS[method])
    t.equal(lines.length, 1, method)
    t.match(lines, [
      { level: 'debug', message: 'rpc call', fields: { method, outcome: 'ok', ms: Number } },
    ])
  }
  lines.length = 0
  await dockerd.call('NetworkDriver.Join', REQUESTS['NetworkDriver.Join'])
  t.match(lines[0]?.fields, { network: NETWORK.slice(0, 12), endpoint: ENDPOINT.slice(0, 12) })
  await dockerd.call('IpamDriver.ReleasePool', REQUESTS['IpamDriver.ReleasePool'])
  t.match(lines[1]?.fields, { pool: 'pool-1' })
})

t.test('the log says how long a call took', async (t) => {
  const { dockerd, lines, recorder } = await listening(t)
  recorder.behave('leave', () => sleep(60))
  await dockerd.call('NetworkDriver.Leave', REQUESTS['NetworkDriver.Leave'])
  const line = lines.find(({ message }) => message === 'rpc call')
  t.ok(Number(Object(line?.fields)['ms']) >= 50)
})

t.test('a connection is kept and used again, and no timer of the server ends it', async (t) => {
  const { socket } = await listening(t)
  const dockerd = new Dockerd(socket, 1)
  t.teardown(() => dockerd.close())
  const servers = new Set<Server>()
  const seen = (message: unknown) => {
    servers.add((message as { server: Server }).server)
  }
  channel('http.server.request.start').subscribe(seen)
  t.teardown(() => channel('http.server.request.start').unsubscribe(seen))
  const first = await dockerd.call('NetworkDriver.GetCapabilities')
  t.equal(first.reused, false)
  for (const { method, body } of WITH_BODY) {
    t.match(await dockerd.call(method, body), { status: 200, reused: true }, method)
  }
  const [server] = servers
  t.equal(servers.size, 1)
  t.match(
    server,
    { keepAliveTimeout: 0, headersTimeout: 0, requestTimeout: 0, timeout: 0 },
    '0 is "never" to node; headersTimeout also ends connections without any request',
  )
})

t.test('a connection opened in reserve serves its first call later', async (t) => {
  const { socket, dockerd } = await listening(t)
  const reserve = connect(socket)
  await once(reserve, 'connect')
  t.teardown(() => reserve.destroy())
  for (let n = 0; n < 20; n += 1) await dockerd.call('NetworkDriver.GetCapabilities')
  reserve.write('POST /Plugin.Activate HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n')
  const [chunk] = await once(reserve, 'data')
  t.match(String(chunk), /^HTTP\/1\.1 200 OK\r\n[\s\S]*"Implements"/)
})

t.test('calls run at once, and each gets its own answer', async (t) => {
  const { dockerd, recorder } = await listening(t)
  let open = () => {}
  const gate = new Promise<void>((resolve) => {
    open = resolve
  })
  recorder.behave('leave', () => gate)
  const COUNT = 50
  const leaves = Array.from({ length: COUNT }, (_, n) =>
    dockerd.call('NetworkDriver.Leave', { NetworkID: `n${n}`, EndpointID: `e${n}` }),
  )
  while (recorder.calls.length < COUNT) await new Promise((resolve) => setTimeout(resolve, 5))
  const other = await dockerd.call('NetworkDriver.Leave', '{"NetworkID":5}')
  t.equal(other.status, 500, 'answered while the others wait')
  open()
  t.ok((await Promise.all(leaves)).every(({ status }) => status === 200))
  t.equal(new Set(recorder.calls.map(({ args }) => String(args))).size, COUNT)
})

t.test('a client that goes away neither aborts its call nor hurts the server', async (t) => {
  const { dockerd, socket, recorder, lines } = await listening(t)
  let open = () => {}
  const gate = new Promise<void>((resolve) => {
    open = resolve
  })
  recorder.behave('join', () => gate.then(() => ({ sourceName: 'v', namePrefix: 'e', routes: [] })))
  const body = JSON.stringify(REQUESTS['NetworkDriver.Join'])
  const path = '/NetworkDriver.Join'
  const lost = request({ socketPath: socket, method: 'POST', path }).end(body)
  lost.on('error', () => {})
  while (recorder.calls.length === 0) await new Promise((resolve) => setTimeout(resolve, 5))
  lost.destroy()
  t.equal((await dockerd.call('NetworkDriver.GetCapabilities')).status, 200)
  t.equal(recorder.calls[0]?.signal?.aborted, false)
  open()
  while (!lines.some(({ fields }) => fields['method'] === 'NetworkDriver.Join')) {
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  t.match(lines.at(-1), { level: 'debug', fields: { outcome: 'ok' } })
})
