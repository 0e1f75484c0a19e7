import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect } from 'node:net'
import packet from 'dns-packet'
import t, { type Test } from 'tap'
import type { Ip } from '../../src/core/ip.js'
import { Framing, framed } from '../../src/dns/framing.js'
import { Resolver } from '../../src/dns/server.js'
import { openSockets, startUpstream } from './sockets.js'

const logger = { debug() {}, info() {}, warn() {}, error() {} }
const view = {
  addressesOf: (name: string) => {
    if (name === 'broken') throw new Error('broken')
    return name === 'web' ? (['10.20.0.5'] as unknown as readonly Ip[]) : undefined
  },
  namesOf: () => undefined,
}

function queryOf(name: string, id = 7): Buffer {
  return packet.encode({ type: 'query', id, questions: [{ name, type: 'A' }] })
}

/** An answer that is known by its odd flags and bytes. */
function echo(query: Buffer): Buffer {
  const message = Buffer.concat([query, Buffer.from('untouched')])
  message.writeUInt16BE(0x8583, 2)
  return message
}

async function start(t: Test, reply: (query: Buffer) => readonly Buffer[]) {
  const sockets = openSockets()
  const { upstream, senders, close } = await startUpstream(reply)
  const resolver = new Resolver({ sockets, view, upstream, logger })
  await resolver.start()
  t.teardown(async () => {
    await resolver.close()
    close()
  })
  const client = createSocket('udp4')
  client.bind(0, '127.0.0.12')
  await once(client, 'listening')
  t.teardown(() => client.close())
  const send = (message: Buffer): void => client.send(message, sockets.ports.udp, '127.0.0.12')
  const ask = async (message: Buffer): Promise<Buffer> => {
    send(message)
    const [answer] = (await once(client, 'message')) as [Buffer]
    return answer
  }
  return { resolver, ports: sockets.ports, ask, send, client, senders }
}

const rcodeOf = (message: Buffer): number => message.readUInt16BE(2) & 15

t.test('UDP: answered, or passed on and back byte for byte', async (t) => {
  const { ask, resolver, senders, send } = await start(t, (query) => [echo(query)])
  t.match(packet.decode(await ask(queryOf('web'))), { id: 7, answers: [{ data: '10.20.0.5' }] })
  t.equal(senders.length, 0)
  t.strictSame(await ask(queryOf('example.com')), echo(queryOf('example.com')))
  t.strictSame(await ask(queryOf('broken')), echo(queryOf('broken')), 'as without us')
  t.equal(new Set(senders).size, 1, 'one socket')
  send(echo(queryOf('web')))
  send(Buffer.alloc(3))
  t.match(packet.decode(await ask(queryOf('web', 9))), { id: 9 })
  t.match(resolver.counters, {
    questions: 6,
    answered: 2,
    passed: 2,
    silent: 2,
    faults: 1,
    lost: 0,
  })
})

t.test('an answer to another question is not passed on', async (t) => {
  const { ask } = await start(t, (query) => {
    const other = echo(queryOf('other.com'))
    other.writeUInt16BE(query.readUInt16BE(0), 0)
    return [Buffer.alloc(2), query, other, echo(query)]
  })
  t.strictSame(await ask(queryOf('example.com')), echo(queryOf('example.com')))
})

t.test('nobody is there: SERVFAIL, at once', async (t) => {
  const sockets = openSockets()
  const gone = await startUpstream(() => [])
  gone.close()
  const resolver = new Resolver({ sockets, view, upstream: gone.upstream, logger })
  await resolver.start()
  t.teardown(() => resolver.close())
  const client = createSocket('udp4')
  t.teardown(() => client.close())
  client.send(queryOf('example.com'), sockets.ports.udp, '127.0.0.12')
  const [answer] = (await once(client, 'message')) as [Buffer]
  t.equal(rcodeOf(answer), 2)
  t.strictSame(
    await askTcp(sockets.ports.tcp, [queryOf('example.com')], 1).then((a) => a.map(rcodeOf)),
    [2],
  )
})

t.test('no more than 1024 wait: SERVFAIL', async (t) => {
  const { client, send, resolver } = await start(t, () => [])
  let failed = 0
  client.on('message', (message) => {
    if (rcodeOf(message) === 2) failed += 1
  })
  for (let n = 0; n < 1_100; n += 1) {
    send(queryOf('example.com', n))
    if (n % 50 === 0) await new Promise((resolve) => setTimeout(resolve, 5))
  }
  while (resolver.counters.questions < 1_100) await new Promise((r) => setTimeout(r, 20))
  while (failed < 76) await new Promise((r) => setTimeout(r, 20))
  t.equal(resolver.counters.lost, 76)
})

async function askTcp(port: number, queries: readonly Buffer[], count: number, part = 65_536) {
  const socket = connect(port, '127.0.0.12')
  socket.setNoDelay(true)
  const bytes = Buffer.concat(queries.map(framed))
  for (let at = 0; at < bytes.length; at += part) {
    socket.write(bytes.subarray(at, at + part))
    if (part < 100) await new Promise((resolve) => setImmediate(resolve))
  }
  socket.end()
  const framing = new Framing()
  const answers: Buffer[] = []
  for await (const chunk of socket) {
    framing.feed(chunk as Buffer)
    for (let next = framing.next(); next; next = framing.next()) answers.push(next)
  }
  return count === answers.length ? answers : Promise.reject(new Error(`${answers.length} answers`))
}

t.test('TCP: many questions in one connection, in any pieces, from who has ended', async (t) => {
  const { ports } = await start(t, (query) => [echo(query)])
  const queries = Array.from({ length: 200 }, (_, n) =>
    queryOf(n % 2 === 0 ? 'web' : 'example.com', n),
  )
  const answers = await askTcp(ports.tcp, queries, 200)
  t.equal(new Set(answers.map((message) => message.readUInt16BE(0))).size, 200)
  const own = answers.filter((message) => rcodeOf(message) === 0)
  t.equal(own.length, 100)
  const [passed] = answers.filter((message) => message.readUInt16BE(0) === 1)
  t.strictSame(passed, echo(queryOf('example.com', 1)))
  t.equal((await askTcp(ports.tcp, queries.slice(0, 4), 4, 1)).length, 4, 'byte by byte')
})

t.test('TCP: no more than 32 connections', async (t) => {
  const { ports } = await start(t, () => [])
  const sockets = Array.from({ length: 40 }, () => connect(ports.tcp, '127.0.0.12'))
  let closed = 0
  for (const socket of sockets) {
    socket.on('error', () => socket.destroy())
    socket.on('close', () => (closed += 1))
    socket.resume()
  }
  while (closed < 8) await new Promise((r) => setTimeout(r, 20))
  for (const socket of sockets) socket.destroy()
  await new Promise((r) => setTimeout(r, 100))
  t.equal((await askTcp(ports.tcp, [queryOf('web')], 1)).length, 1, 'and then again')
})

t.test('close before start, and twice, closes the descriptors', async (t) => {
  const sockets = openSockets()
  const resolver = new Resolver({ sockets, view, logger })
  await resolver.close()
  await resolver.close()
  const again = openSockets()
  t.strictSame([again.udp, again.tcp], [sockets.udp, sockets.tcp], 'they are free')
  await new Resolver({ sockets: again, view, logger }).close()
})
