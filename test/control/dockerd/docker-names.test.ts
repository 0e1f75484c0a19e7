/** What is read from dockerd's answers: a server on a unix socket plays it. */
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { DockerApi } from '../../../src/control/dockerd/docker-api.js'
import type { NameEvent } from '../../../src/control/dockerd/docker-names.js'
import { until } from '../../fakes/until.js'

const SIGNAL = () => AbortSignal.timeout(5_000)

/** @param answers by path; what is not there is 404, and `/events` stays open */
async function dockerd(t: Test, answers: Readonly<Record<string, unknown>>) {
  const dir = mkdtempSync(join(tmpdir(), 'tsoverlay-'))
  const streams: ServerResponse[] = []
  const server = createServer((request, response) => {
    const path = (request.url ?? '').replace(/\?.*/, '')
    if (path === '/events') {
      response.writeHead(200, { 'content-type': 'application/json' }).flushHeaders()
      streams.push(response)
      return
    }
    const answer = answers[path]
    response.writeHead(answer === undefined ? 404 : 200, { 'content-type': 'application/json' })
    response.end(JSON.stringify(answer ?? { message: 'No such container' }))
  })
  await new Promise<void>((resolve) => server.listen(join(dir, 'docker.sock'), resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
    rmSync(dir, { recursive: true })
  })
  return { docker: new DockerApi(join(dir, 'docker.sock')), streams }
}

t.test('a container with its names', async (t) => {
  const { docker } = await dockerd(t, {
    '/containers/c1/json': {
      Id: 'c1',
      Name: '/web',
      Config: { Hostname: 'h', Labels: null },
      NetworkSettings: {
        Networks: {
          blue: { NetworkID: 'n1', EndpointID: 'e1', Aliases: ['api'] },
          host: { NetworkID: 'n2', EndpointID: '', Aliases: null },
        },
      },
    },
    '/containers/json': [
      {
        Id: 'c1',
        Names: ['/other/link', '/web'],
        NetworkSettings: { Networks: { blue: { EndpointID: 'e1' } } },
      },
    ],
  })
  t.strictSame(await docker.named('c1', SIGNAL()), {
    ...{ id: 'c1', name: 'web', hostname: 'h', isTask: false },
    attachments: [
      { endpoint: 'e1', network: 'n1', networkName: 'blue', aliases: ['api'] },
      { endpoint: '', network: 'n2', networkName: 'host', aliases: [] },
    ],
  })
  t.equal(await docker.named('c2', SIGNAL()), undefined)
  t.strictSame(await docker.running(SIGNAL()), [{ id: 'c1', name: 'web', endpoints: ['e1'] }])
})

t.test('events come in whatever pieces', async (t) => {
  const { docker, streams } = await dockerd(t, {})
  const heard: NameEvent[] = []
  const stop = new AbortController()
  let connected = 0
  const following = docker.followNames(
    () => {
      connected += 1
    },
    (event) => heard.push(event),
    stop.signal,
  )
  await until('it is connected', () => connected === 1)
  const connect = {
    Type: 'network',
    Action: 'connect',
    Actor: { ID: 'n', Attributes: { container: 'c1' } },
  }
  const rename = { Type: 'container', Action: 'rename', Actor: { ID: 'c2', Attributes: {} } }
  const text = `${JSON.stringify(connect)}\n${JSON.stringify(rename)}\nnonsense\n{}\n`
  streams[0]?.write(text.slice(0, 40))
  await new Promise((resolve) => setTimeout(resolve, 20))
  streams[0]?.write(text.slice(40))
  await until('both are heard', () => heard.length === 2)
  t.strictSame(heard, [
    { what: 'connect', container: 'c1', network: 'n' },
    { what: 'rename', container: 'c2' },
  ])
  streams[0]?.end()
  await following.catch(() => undefined)
  const again = docker.followNames(
    () => stop.abort(),
    () => undefined,
    stop.signal,
  )
  await again.catch(() => undefined)
  t.pass('it ends with its stream, and with its signal')
})
