/** `watch` over a real socket, and as a process whose reader leaves. */
import { setTimeout as sleep } from 'node:timers/promises'
import { Registry } from 'prom-client'
import t from 'tap'
import { Value } from 'typebox/value'
import { AdminServer } from '../../src/admin/server.js'
import { runCli } from '../../src/cli/program.js'
import { EventReport } from '../../src/core/admin/events.js'
import { pairOfHosts, resourcesOf } from '../admin/resources.js'
import { idOf, type TestHost } from '../control/host.js'
import { until } from '../fakes/until.js'
import { cli, listen } from './run.js'

function watching(socket: string, ...flags: string[]) {
  let interrupt = () => {}
  const lines: string[] = []
  let err = ''
  const ended = runCli(['watch', ...flags], {
    env: { TSOVERLAY_SOCKET: socket },
    out: (text) => lines.push(text),
    err: (text) => {
      err += text
    },
    onInterrupt: (listener) => {
      interrupt = listener
    },
  })
  return { lines, ended, interrupt: () => interrupt(), err: () => err }
}

t.test('events are lines for people and JSON for programs, until ctrl-C', async (t) => {
  const { a, b } = await pairOfHosts(t)
  const socket = await listen(t, b)
  const people = watching(socket)
  const programs = watching(socket, '--json')
  const both = [people, programs]
  await until('both watch', () => both.every(({ lines }) => lines.length === 1))
  await a.docker.run(idOf('on a'), idOf('cc'))
  await until('it is told', () => both.every(({ lines }) => lines.length === 2))
  t.match(
    people.lines[1],
    /^\d\d:\d\d:\d\d {2}endpoint {2}came +[0-9a-f]{12} on \S+ in pools:10\.20\.0\.0\/24 10\.20\.0\.\d+\/24\n$/,
  )
  for (const line of programs.lines) t.ok(Value.Check(EventReport, JSON.parse(line)), line)
  for (const { interrupt } of both) interrupt()
  t.same(await Promise.all(both.map(({ ended }) => ended)), [0, 0])
  t.equal(people.err(), '')
})

async function served(host: TestHost, socket: string): Promise<AdminServer> {
  const server = new AdminServer({ ...resourcesOf(host), registry: new Registry() })
  await server.listen(socket)
  return server
}

t.test(
  'a plugin that ends does not wait for those who watch, who go on when it is back',
  async (t) => {
    const { a, b } = await pairOfHosts(t)
    const socket = `/tmp/tsoverlay-watch-${process.pid}.sock`
    const former = await served(b, socket)
    const { lines, ended, err, interrupt } = watching(socket, '--json')
    await until('it watches', () => lines.length === 1)
    await former.close()
    await until('it is told', () => err() !== '')
    // longer than it takes to look again
    await sleep(1_200)
    const server = await served(b, socket)
    t.teardown(() => server.close())
    await until('it watches again', () => lines.length === 2)
    await a.docker.run(idOf('on a'), idOf('cc'))
    await until('events go on', () => lines.length === 3)
    t.match(err(), /^tsoverlay: the plugin has ended[^\n]*\n$/, 'once')
    for (const line of lines) t.ok(Value.Check(EventReport, JSON.parse(line)), line)
    interrupt()
    t.equal(await ended, 0)
  },
)

t.test(
  'ctrl-C ends it while the plugin is away, and what else is wrong then is told',
  async (t) => {
    const { b } = await pairOfHosts(t)
    const socket = `/tmp/tsoverlay-watch-away-${process.pid}.sock`
    const former = await served(b, socket)
    const { lines, ended, err, interrupt } = watching(socket)
    await until('it watches', () => lines.length === 1)
    await former.close()
    b.store.unavailable = true
    const server = await served(b, socket)
    t.teardown(() => server.close())
    await until('it is told', () => /connection refused\n$/.test(err()))
    await sleep(1_200)
    t.equal(err().split('\n').length, 3, 'two lines')
    interrupt()
    t.equal(await ended, 0)
  },
)

t.test('a store that is away is a refusal, not silence', async (t) => {
  const { b } = await pairOfHosts(t)
  const socket = await listen(t, b)
  b.store.unavailable = true
  t.match(await cli(socket, 'watch'), { code: 1, err: /connection refused\n$/ })
})
