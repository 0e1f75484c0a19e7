/** The plugin behind its sockets: log, store, dataplane, daemon, signals. */
import { pino } from 'pino'
import type { Config } from './core/config.js'
import { messageOf } from './core/errors.js'
import type { Logger } from './core/ports.js'
import { RecentLines } from './core/recent-lines.js'
import { type DaemonOptions, startDaemon } from './daemon.js'
import { createDataplane } from './dataplane/dataplane.js'
import { ADMIN_SOCKET, DATA, ETCD, HOST_RUN, RUN, SOCKETS } from './paths.js'
import type { Door } from './rpc/door.js'
import { EmbeddedEtcd } from './state/embedded-etcd.js'
import { createEtcdStore } from './state/etcd-store.js'

/** What a bug report has of the log: some hundred bytes each. */
const RECENT_LINES = 500

/**
 * Returns when calls are answered.
 * @param door its sockets may be open already
 */
export async function runPlugin(config: Config, door: Door): Promise<void> {
  const recent = new RecentLines(RECENT_LINES)
  const logger = createLogger(config.logLevel, recent)
  const embedded =
    config.store.endpoints.length > 0
      ? undefined
      : new EmbeddedEtcd({ binary: ETCD, dataDir: `${DATA}/etcd`, logger })
  const daemon = await start({ config, door, logger, recent }, embedded)
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

/** @param recent gets each line, too */
function createLogger(level: Config['logLevel'], recent: RecentLines): Logger {
  const output = pino.destination(1)
  const write = (line: string): void => {
    recent.add(line)
    output.write(line)
  }
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  }
  return pino(options, { write })
}

async function start(
  given: Pick<DaemonOptions, 'config' | 'door' | 'logger' | 'recent'>,
  embedded: EmbeddedEtcd | undefined,
) {
  const { config, logger } = given
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
  return startDaemon({ ...given, paths, store, dataplane })
}
