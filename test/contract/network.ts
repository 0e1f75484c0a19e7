/** Listeners on loopback that behave badly. */
import { once } from 'node:events'
import { connect as connectTcp, createServer, type Socket } from 'node:net'
import type { Test } from 'tap'

/** A listener that accepts and never says a word. @returns its URL */
export async function mute(t: Test): Promise<string> {
  const sockets: Socket[] = []
  const server = createServer((socket) => {
    sockets.push(socket.on('error', () => {}))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  const address = server.address()
  return `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`
}

/** A forwarder that can be told to swallow what the server answers. */
export async function proxy(t: Test, endpoint: string) {
  const target = Number(new URL(endpoint).port)
  const sockets = new Set<Socket>()
  let swallow = false
  const server = createServer((client) => {
    const upstream = connectTcp(target, '127.0.0.1')
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', () => {})
    }
    client.on('data', (data) => upstream.write(data))
    upstream.on('data', (data) => swallow || client.write(data))
    client.on('close', () => upstream.destroy())
    upstream.on('close', () => client.destroy())
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : 0
  const cut = () => {
    for (const socket of sockets) socket.destroy()
  }
  t.teardown(() => {
    cut()
    server.close()
  })
  return {
    endpoint: `http://127.0.0.1:${port}`,
    cut,
    swallow: (on: boolean) => {
      swallow = on
    },
  }
}
