/**
 * A process in a namespace that sends and hears UDP, and asks and answers by TCP, as told: one for each
 * namespace of a test, as starting one takes longer than what it does.
 */
import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

export const PORT = 7000

/** Answers TCP with whom it sees, and UDP on PORT + 1 with the same. */
const SCRIPT = `
  const dgram = require('dgram'), net = require('net')
  const PORT = ${PORT}
  const say = (value) => process.stdout.write(JSON.stringify(value) + '\\n')
  const bare = (address) => (address || '').replace('::ffff:', '')
  const ears = ['udp4', 'udp6'].map((type) => {
    const ear = dgram.createSocket({ type, ipv6Only: type === 'udp6' })
    ear.on('message', (bytes) => say({ heard: bytes.toString() }))
    ear.bind(PORT)
    return new Promise((done) => ear.on('listening', done))
  })
  const echo = dgram.createSocket('udp4')
  echo.on('message', (bytes, { address, port }) => echo.send(address, port, address))
  echo.bind(PORT + 1)
  const server = net.createServer((socket) => {
    socket.on('error', () => undefined)
    socket.end(process.argv[2] + ' sees ' + bare(socket.remoteAddress))
  })
  server.listen(PORT, '::')
  const verbs = {
    send({ source, to, text }, done) {
      const socket = dgram.createSocket(to.includes(':') ? 'udp6' : 'udp4')
      socket.on('error', (error) => done(error.code))
      const go = () => socket.send(text, PORT, to, (error) => { socket.close(); done(error ? error.code : 'sent') })
      source ? socket.bind(0, source, go) : go()
    },
    ask({ to, port, source }, done) {
      const socket = net.connect({ host: to, port, ...(source && { localAddress: source }) })
      let text = ''
      socket.setTimeout(1000, () => socket.destroy(new Error('silence')))
      socket.on('data', (bytes) => { text += bytes })
      socket.on('error', (error) => done(error.code || error.message))
      socket.on('close', (failed) => failed || done(text))
    },
    stream({ to, ms }, done) {
      const socket = dgram.createSocket('udp4')
      const end = Date.now() + ms
      const timer = setInterval(() => {
        if (Date.now() < end) return socket.send('at ' + Date.now(), PORT, to)
        clearInterval(timer)
        socket.close()
        done('sent')
      }, 1)
    },
    askUdp({ to, port }, done) {
      const socket = dgram.createSocket('udp4')
      const timer = setTimeout(() => { socket.close(); done('silence') }, 1000)
      socket.on('message', (bytes) => { clearTimeout(timer); socket.close(); done(bytes.toString()) })
      socket.send('who', port, to)
    },
    converse({ to, ms }, done) {
      const socket = dgram.createSocket('udp4')
      const count = { asked: 0, answered: 0 }
      socket.on('message', () => { count.answered += 1 })
      const end = Date.now() + ms
      const timer = setInterval(() => {
        if (Date.now() < end) { count.asked += 1; return socket.send('who', PORT + 1, to) }
        clearInterval(timer)
        setTimeout(() => { socket.close(); done(count.answered + ' of ' + count.asked) }, 300)
      }, 20)
    },
  }
  require('readline').createInterface({ input: process.stdin }).on('line', (line) => {
    const { id, verb, ...rest } = JSON.parse(line)
    verbs[verb](rest, (result) => say({ id, result }))
  })
  server.on('listening', () => Promise.all(ears).then(() => say({ up: true })))`

export interface Talker {
  /** texts that came by UDP */
  readonly heard: string[]
  /** @returns `sent`, or the code of what the kernel said */
  send(to: string, text: string, source?: string): Promise<string>
  /** TCP: the answer, else the code of the error, or `silence` */
  ask(to: string, port?: number, source?: string): Promise<string>
  /** UDP: whom the other one sees, or `silence` */
  askUdp(to: string, port?: number): Promise<string>
  /** Sends `at <Date.now()>` by UDP each millisecond for so long. */
  stream(to: string, ms: number): Promise<string>
  /** UDP, always between the same two ports, every 20 ms for so long. @returns `50 of 50` answered */
  converse(to: string, ms: number): Promise<string>
  stop(): Promise<void>
}

/** @param netns file of the namespace; empty: that of this process */
export async function startTalker(netns: string, name: string): Promise<Talker> {
  const node = [process.execPath, '-e', SCRIPT, '--', 'talker', name]
  const command = netns === '' ? node : ['nsenter', `--net=${netns}`, ...node]
  const child: ChildProcess = spawn(command[0] ?? '', command.slice(1), {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const { stdin, stdout } = child
  if (stdin === null || stdout === null) throw new Error('no pipes')
  const heard: string[] = []
  const waiting = new Map<number, (result: string) => void>()
  const lines = createInterface({ input: stdout })
  const up = once(lines, 'line')
  lines.on('line', (line) => {
    const message = JSON.parse(line) as { heard?: string; id?: number; result?: string }
    if (message.heard !== undefined) heard.push(message.heard)
    if (message.id !== undefined) waiting.get(message.id)?.(message.result ?? '')
  })
  await Promise.race([up, once(child, 'exit').then(() => Promise.reject(new Error(`no ${name}`)))])
  let next = 0
  const tell = (verb: string, rest: object): Promise<string> => {
    next += 1
    const id = next
    return new Promise((resolve) => {
      waiting.set(id, resolve)
      stdin.write(`${JSON.stringify({ id, verb, ...rest })}\n`)
    })
  }
  return {
    heard,
    send: (to, text, source) => tell('send', { to, text, source }),
    ask: (to, port = PORT, source) => tell('ask', { to, port, source }),
    stream: (to, ms) => tell('stream', { to, ms }),
    askUdp: (to, port = PORT + 1) => tell('askUdp', { to, port }),
    converse: (to, ms) => tell('converse', { to, ms }),
    stop: async () => {
      child.kill('SIGKILL')
      await once(child, 'exit')
    },
  }
}
