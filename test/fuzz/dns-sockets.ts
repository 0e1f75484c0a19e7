/**
 * The same packets at the sockets of a resolver, by UDP and TCP, while Docker's resolver behind answers
 * with such packets as well. After each batch a client that has manners is answered, so that nothing
 * stands still.
 */
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { connect } from 'node:net'
import packet from 'dns-packet'
import { framed } from '../../src/dns/framing.js'
import { Resolver } from '../../src/dns/server.js'
import { openSockets, startUpstream } from '../dns/sockets.js'
import { fdsOf } from '../soak/gauges.js'
import { drawPackets, FUZZ_VIEW } from './dns.js'

const HOST = '127.0.0.12'
/** What a socket's buffer holds for sure. */
const BATCH = 100
const PATIENCE_MS = 20_000

/** @returns what no resolver may do */
export async function fuzzDnsSockets(seed: number, count: number): Promise<readonly string[]> {
  const violations: string[] = []
  const logger = { debug() {}, info() {}, warn: complain, error: complain }
  function complain(fields: object): void {
    violations.push(`names: logged: ${String(Object.values(fields)[0])}`)
  }
  const before = fdsOf(process.pid).length
  const sockets = openSockets()
  const answers = drawPackets(seed + 1, 1_000)
  let asked = 0
  const behind = await startUpstream((query) => {
    const wrong = Buffer.from(answers[asked++ % answers.length] ?? [])
    // the id alone fits, or the packet does, or nothing comes
    if (wrong.length >= 2 && asked % 2 === 0) query.copy(wrong, 0, 0, 2)
    return asked % 5 === 0 ? [] : [wrong, ...(asked % 3 === 0 ? [responseTo(query)] : [])]
  })
  const resolver = new Resolver({ sockets, view: FUZZ_VIEW, upstream: behind.upstream, logger })
  await resolver.start()
  const client = createSocket('udp4')
  try {
    const queries = drawPackets(seed, count)
    for (let at = 0; at < count; at += BATCH) {
      const batch = queries.slice(at, at + BATCH)
      for (const query of batch) client.send(query, sockets.ports.udp, HOST)
      await throwAt(sockets.ports.tcp, batch)
      if (!(await isWell(client, sockets.ports.udp)))
        violations.push(`names: no answer after packet ${at + batch.length} of seed ${seed}`)
      if (violations.length > 0) break
    }
    if (resolver.counters.faults > 0) violations.push(`names: ${resolver.counters.faults} faults`)
  } finally {
    client.close()
    await resolver.close()
    behind.close()
  }
  await new Promise((resolve) => setTimeout(resolve, 100))
  const after = fdsOf(process.pid).length
  if (after > before) violations.push(`names: ${before} file descriptors became ${after}`)
  return violations
}

/** Every other time without the frame of two bytes; and the connection is cut before it was answered. */
async function throwAt(port: number, queries: readonly Buffer[]): Promise<void> {
  const [first] = queries
  const isFramed = (first?.length ?? 0) % 2 === 0
  const socket = connect(port, HOST)
  socket.on('error', () => undefined)
  socket.resume()
  socket.write(Buffer.concat(isFramed ? queries.map(framed) : queries))
  const isCut = (first?.[0] ?? 0) % 2 === 0
  if (isCut) setTimeout(() => socket.destroy(), 2)
  else socket.end()
  const timer = setTimeout(() => socket.destroy(), 50)
  await once(socket, 'close')
  clearTimeout(timer)
}

/** Asks for what is known until that is answered. */
async function isWell(client: Socket, port: number): Promise<boolean> {
  const id = Math.floor(Math.random() * 65_536)
  const query = packet.encode({ type: 'query', id, questions: [{ name: 'db', type: 'A' }] })
  const answered = new Promise<boolean>((resolve) => {
    client.on('message', take)
    const again = setInterval(() => client.send(query, port, HOST), 200)
    const end = setTimeout(() => done(false), PATIENCE_MS)
    function take(message: Buffer): void {
      if (message.length > 100 && message.readUInt16BE(0) === id) done(true)
    }
    function done(isThere: boolean): void {
      client.off('message', take)
      clearInterval(again)
      clearTimeout(end)
      resolve(isThere)
    }
  })
  client.send(query, port, HOST)
  return await answered
}

function responseTo(query: Buffer): Buffer {
  const message = Buffer.from(query)
  if (message.length > 3) message.writeUInt16BE(0x8180, 2)
  return message
}
