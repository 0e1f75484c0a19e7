/**
 * One plugin on a host. Two would both write the same sandboxes, each with a journal of its own.
 *
 * The lock is a listening socket with an abstract name (unix(7)): it belongs to the host's network
 * namespace, in which the plugin runs (config.json network.type), only one process can have it, and
 * the kernel frees it when that process is gone, however it went.
 */
import { once } from 'node:events'
import { connect, createServer, type Server } from 'node:net'
import { text } from 'node:stream/consumers'
import { within } from '../core/deadline.js'
import { TsoverlayError } from '../core/errors.js'

const NAME = '\0tsoverlay'
/** A plugin that was told to end may need a moment for it. */
const WAIT_MS = 5_000
const RETRY_MS = 250
const ANSWER_MS = 500

export interface HostLock {
  release(): Promise<void>
}

/**
 * Takes the lock, for as long as this process lives.
 * @param name of the socket; another one for tests
 * @throws TsoverlayError SOCKET_IN_USE when another process has kept it for 5 s
 */
export async function lockHost(name = NAME, waitMs = WAIT_MS): Promise<HostLock> {
  const end = performance.now() + waitMs
  for (;;) {
    const server = await listen(name)
    if (server !== undefined) {
      return { release: () => new Promise((resolve) => server.close(() => resolve())) }
    }
    if (performance.now() > end) throw await takenError(name)
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
  }
}

/** @returns undefined when somebody has the name */
async function listen(name: string): Promise<Server | undefined> {
  // Who asks is told which process it is.
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.end(`${process.pid}`)
  })
  try {
    server.listen(name)
    await once(server, 'listening')
    server.unref()
    return server
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE') return undefined
    throw error
  }
}

async function takenError(name: string): Promise<TsoverlayError> {
  const pid = await holder(name)
  const which = pid === undefined ? '' : ` (process ${pid})`
  return new TsoverlayError(
    'SOCKET_IN_USE',
    `another tsoverlay plugin runs on this host${which}: a host has one at a time; docker plugin ls shows which, docker plugin disable ends it`,
  )
}

async function holder(name: string): Promise<string | undefined> {
  const socket = connect(name)
  let pid: string | undefined
  const asked = text(socket).then(
    (answer) => {
      pid = /^\d+$/.exec(answer)?.[0]
    },
    () => undefined,
  )
  await within(asked, ANSWER_MS)
  socket.destroy()
  return pid
}
