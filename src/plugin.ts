/** The plugin behind its sockets: log, store, dataplane, daemon, signals. */
import { pino } from 'pino'
import type { Config } from './core/config.js'
import { messageOf } from './core/errors.js'
import type { Logger } from './core/ports.js'
import { startDaemon } from './daemon.js'
import { createDataplane } from './dataplane/dataplane.js'
import { ADMIN_SOCKET, DATA, ETCD, HOST_RUN, RUN, SOCKETS } from './paths.js'
import type { Door } from './rpc/door.js'
import { EmbeddedEtcd } from './state/embedded-etcd.js'
import { createEtcdStore } from './state/etcd-store.js'

/**
 * Returns when calls are answered.
 * @param door its sockets may be open already
 */
export async function runPlugin(config: Config, door: Door): Promise<void> {
  const logger: Logger = pino({
    level: config.logLevel,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
  })
  const embedded =
    config.store.endpoints.length > 0
      ? undefined
      : new EmbeddedEtcd({ binary: ETCD, dataDir: `${DATA}/etcd`, logger })
  const daemon = await start(config, door, embedded, logger)
  const stop = (signal: string): void => {
    logger.info({ signal }, 'stopping')
    void (async () => {
      await daemon.close()
      await embedded?.stop()
      process.exit(0)
    })()
  }
  process.once('SIGTERM', stop)
  process.once('SIGINT', stop)
  process.on('unhandledRejection', (reason) => {
    logger.error(
      { err: messageOf(reason), stack: reason instanceof Error ? reason.stack : undefined },
      'unhandled rejection',
    )
  })
}

async function start(
  config: Config,
  door: Door,
  embedded: EmbeddedEtcd | undefined,
  logger: Logger,
) {
  const endpoints = embedded === undefined ? config.store.endpoints : await embedded.start()
  const store = createEtcdStore({ config: config.store, endpoints, logger })
  const dataplane = await createDataplane({ netnsDir: `${HOST_RUN}/docker/netns`, logger })
  const paths = {
    data: DATA,
    run: RUN,
    admin: ADMIN_SOCKET,
    docker: `${HOST_RUN}/docker.sock`,
    sockets: SOCKETS,
  }
  return startDaemon({ config, paths, store, dataplane, logger, door })
}
