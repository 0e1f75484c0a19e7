/**
 * Asks for names as a C library does: a socket for each question, and the calling thread waits for the
 * answer. So the time is the resolver's, not that of a client's event loop. Started in a container's
 * network namespace (`ask.ts`); each line of its input is a task, each line of its output an outcome:
 *
 *   time NAME COUNT        µs, one for each question
 *   rate NAME MS WINDOW    answers in that time, with so many questions on their way
 *   until NAME             when there was an address, on the kernel's monotonic clock (ns)
 */
import { createInterface } from 'node:readline'
import packet from 'dns-packet'
import koffi from 'koffi'

const libc = koffi.load('libc.so.6')
const call = {
  socket: libc.func('int socket(int domain, int type, int protocol)'),
  connect: libc.func('int connect(int fd, const void *address, unsigned int length)'),
  setsockopt: libc.func(
    'int setsockopt(int fd, int level, int name, const void *value, unsigned int length)',
  ),
  send: libc.func('long send(int fd, const void *message, unsigned long length, int flags)'),
  recv: libc.func('long recv(int fd, _Out_ void *buffer, unsigned long length, int flags)'),
  close: libc.func('int close(int fd)'),
}
const [AF_INET, SOCK_DGRAM, SOL_SOCKET, SO_RCVTIMEO] = [2, 2, 1, 20]
/** 127.0.0.11:53 */
const RESOLVER = Buffer.from([AF_INET, 0, 0, 53, 127, 0, 0, 11, 0, 0, 0, 0, 0, 0, 0, 0])
/** struct timeval: so long an answer is waited for */
const PATIENCE = Buffer.from(BigInt64Array.of(1n, 0n).buffer)
const UNTIL_MS = 20_000
const room = Buffer.alloc(4_096)
const clock = new Int32Array(new SharedArrayBuffer(4))

function open(): number {
  const fd = Number(call.socket(AF_INET, SOCK_DGRAM, 0))
  call.setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, PATIENCE, PATIENCE.length)
  if (call.connect(fd, RESOLVER, RESOLVER.length) !== 0) throw new Error('no socket')
  return fd
}

const queryOf = (name: string): Buffer =>
  packet.encode({ type: 'query', id: 1, flags: 0x100, questions: [{ name, type: 'A' }] })

/** @returns whether there was an answer */
function ask(query: Buffer): boolean {
  const fd = open()
  call.send(fd, query, query.length, 0)
  const length = Number(call.recv(fd, room, room.length, 0))
  call.close(fd)
  return length > 0
}

function time(name: string, count: number): readonly number[] {
  const query = queryOf(name)
  return Array.from({ length: count }, () => {
    const before = process.hrtime.bigint()
    if (!ask(query)) throw new Error(`no answer for ${name}`)
    return Number(process.hrtime.bigint() - before) / 1_000
  })
}

function rate(name: string, ms: number, window: number): number {
  const query = queryOf(name)
  const fd = open()
  const send = () => call.send(fd, query, query.length, 0)
  for (let n = 0; n < window; n += 1) send()
  const end = performance.now() + ms
  let answers = 0
  while (performance.now() < end) {
    // one that was lost is asked again
    if (Number(call.recv(fd, room, room.length, 0)) > 0) answers += 1
    send()
  }
  call.close(fd)
  return answers
}

/** A question each millisecond. */
function until(name: string): string {
  const query = queryOf(name)
  const end = performance.now() + UNTIL_MS
  while (performance.now() < end) {
    if (ask(query) && room.readUInt16BE(6) > 0) return `${process.hrtime.bigint()}`
    Atomics.wait(clock, 0, 0, 1)
  }
  throw new Error(`${name} was not known in ${UNTIL_MS} ms`)
}

createInterface({ input: process.stdin }).on('line', (line) => {
  const [task, name = '', ...numbers] = line.split(' ')
  const [first = 0, second = 0] = numbers.map(Number)
  const outcome =
    task === 'time' ? time(name, first) : task === 'rate' ? rate(name, first, second) : until(name)
  process.stdout.write(`${JSON.stringify(outcome)}\n`)
})
process.stdout.write('"ready"\n')
