/** One container asks without end; how others fare, counted in answers and not in time. */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import packet from 'dns-packet'
import t, { type Test } from 'tap'
import type { Ip } from '../../src/core/ip.js'
import { Resolver } from '../../src/dns/server.js'
import { openSockets, startUpstream } from './sockets.js'

const logger = { debug() {}, info() {}, warn() {}, error() {} }
const view = {
  addressesOf: (name: string) =>
    name === 'web' ? (['10.20.0.5'] as unknown as readonly Ip[]) : undefined,
  namesOf: () => undefined,
}
const queryOf = (name: string): Buffer =>
  packet.encode({ type: 'query', id: 7, questions: [{ name, type: 'A' }] })

/** What libuv takes of a socket in a turn of the loop. */
const OF_A_TURN = 32
/** From the client's send to the resolver, and from its answer to the client; some to spare. */
const TURNS = 5
const FLOOD = 10_000
const ASKED = 40

/** Sends as fast as it can, from a thread of its own, and keeps on: what is dropped is not made up for. */
const FLOODER = `
const { parentPort, workerData: { port, query } } = require('node:worker_threads')
const socket = require('node:dgram').createSocket('udp4')
const send = () => {
  for (let n = 0; n < 64; n += 1) socket.send(query, port, '127.0.0.12')
  setImmediate(send)
}
socket.bind(0, '127.0.0.12', () => { parentPort.postMessage('there'); send() })
`

async function resolverAt(t: Test, upstream: { host: string; port: number }) {
  const sockets = openSockets()
  const resolver = new Resolver({ sockets, view, upstream, logger })
  await resolver.start()
  t.teardown(() => resolver.close())
  return { resolver, port: sockets.ports.udp }
}

for (const [what, name] of [
  ['known names', 'web'],
  ['names that are passed on', 'example.com'],
] as const) {
  t.test(`a flood of questions for ${what}: another container has its turn`, async (t) => {
    const behind = await startUpstream((query) => [query])
    t.teardown(behind.close)
    const flooded = await resolverAt(t, behind.upstream)
    const other = await resolverAt(t, behind.upstream)
    const workerData = { port: flooded.port, query: new Uint8Array(queryOf(name)) }
    const flooder = new Worker(FLOODER, { eval: true, workerData })
    t.teardown(() => flooder.terminate())
    await once(flooder, 'message')
    const client = createSocket('udp4')
    t.teardown(() => client.close())
    const { counters } = flooded.resolver
    const between: number[] = []
    while (between.length < ASKED || counters.questions < FLOOD) {
      const before = counters.questions
      client.send(queryOf('web'), other.port, '127.0.0.12')
      await once(client, 'message')
      between.push(counters.questions - before)
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
    t.comment(`${Math.max(...between)} questions of the flood were before it at most`)
    t.ok(Math.max(...between) > 0, 'there was a flood')
    t.ok(Math.max(...between) <= TURNS * OF_A_TURN, `${Math.max(...between)} were before it`)
    t.equal(other.resolver.counters.answered, between.length, 'none was lost')
    t.equal(counters.faults, 0)
  })
}
