/** The plugin's RPC server: NetworkDriver and IpamDriver on one or more unix sockets. */
import type { IpamDriver, NetworkDriver } from '../core/driver.js'
import type { Meter } from '../core/meter.js'
import type { Logger } from '../core/ports.js'
import { createApp } from './app.js'
import { Deadlines, GRACE_MS } from './deadline.js'
import { Door } from './door.js'
import { handshakeMethods } from './handshake.js'
import { ipamDriverMethods } from './ipam-driver.js'
import { networkDriverMethods } from './network-driver.js'
import type { UnixListener } from './unix-listener.js'

/** With the grace below 10 s, after which people take docker to hang. */
const DEADLINE_MS = 9_000
/** dockerd kills a managed plugin 10 s after SIGTERM; the rest of us needs some of that. */
const CLOSE_MS = 5_000
/** For the answers to go out, once every call has one. */
const FLUSH_MS = 200

export interface RpcServerOptions {
  readonly network: NetworkDriver
  readonly ipam: IpamDriver
  readonly logger: Logger
  /** counts the calls */
  readonly meter?: Pick<Meter, 'rpc'>
  /** told of each call that fails: `NetworkDriver.Join` */
  readonly onRefused?: (method: string) => void
  /** time after which a call's signal aborts, in milliseconds; default 9,000 */
  readonly deadlineMs?: number
  /** sockets that are open already, whose calls wait for us */
  readonly door?: Door
}

export interface RpcServer {
  /**
   * Serves on a unix socket (mode 0600), in place of a stale one. To be called once for each.
   * @throws TsoverlayError SETTING_INVALID naming the path when another process answers there
   */
  listen(socketPath: string): Promise<void>
  /**
   * Takes the sockets away and ends when all calls under way are answered. Those that last longer
   * than 5 s are aborted as at their deadline.
   */
  close(): Promise<void>
  /**
   * One call without a socket, for tests and for the plugin's self-check.
   * @param method `NetworkDriver.Join`
   * @param body text as sent; absent = empty body
   */
  inject(method: string, body?: string): Promise<InjectedAnswer>
}

interface InjectedAnswer {
  readonly status: number
  readonly body: unknown
}

/** @returns a server that does not listen yet */
export function createRpcServer(options: RpcServerOptions): RpcServer {
  const {
    network,
    ipam,
    logger,
    meter,
    onRefused,
    deadlineMs = DEADLINE_MS,
    door = new Door(),
  } = options
  const deadlines = new Deadlines(deadlineMs, logger)
  let closing = false
  const app = createApp({
    methods: [...handshakeMethods(), ...networkDriverMethods(network), ...ipamDriverMethods(ipam)],
    deadlines,
    logger,
    onRefused,
    onAnswered: meter && ((...call) => meter.rpc(...call)),
    closing: () => closing,
  })
  return {
    async listen(socketPath) {
      await app.ready()
      await door.listen(socketPath)
      const listener = door.listeners.find(({ path }) => path === socketPath)
      listener?.onError((err) => logger.error({ path: socketPath, err }, 'rpc socket failed'))
      door.open(app.routing)
      logger.info({ path: socketPath }, 'rpc server listens')
    },
    async close() {
      closing = true
      await closeListeners(door.listeners, deadlines)
      await app.close()
    },
    async inject(method, body) {
      const payload = body === undefined ? {} : { payload: body }
      const answer = await app.inject({ method: 'POST', url: `/${method}`, ...payload })
      return { status: answer.statusCode, body: answer.json() }
    },
  }
}

async function closeListeners(
  listeners: readonly UnixListener[],
  deadlines: Deadlines,
): Promise<void> {
  const abort = setTimeout(() => deadlines.abortAll('was ended as the plugin stops'), CLOSE_MS)
  const destroy = setTimeout(
    () => {
      for (const listener of listeners) listener.destroy()
    },
    CLOSE_MS + GRACE_MS + FLUSH_MS,
  )
  await Promise.all(listeners.map((listener) => listener.close()))
  clearTimeout(abort)
  clearTimeout(destroy)
}
