/** The plugin's process: settings, store, daemon, signals. */
import { pino } from 'pino'
import { type Config, parseConfig } from './core/config.js'
import { messageOf } from './core/errors.js'
import type { Logger } from './core/ports.js'
import { startDaemon } from './daemon.js'
import { createDataplane } from './dataplane/dataplane.js'
import { EmbeddedEtcd } from './state/embedded-etcd.js'
import { createEtcdStore } from './state/etcd-store.js'
import { lockHost } from './state/host-lock.js'

/** Paths inside the plugin; config.json mounts the host's /run on /host/run. */
const DATA = '/data'
const HOST_RUN = '/host/run'
const SOCKETS = ['/run/docker/plugins/tsoverlay.sock', `${HOST_RUN}/docker/plugins/tsoverlay.sock`]
const ETCD = '/usr/bin/etcd'
const CLI = '/app/cli.js'

async function main(): Promise<void> {
  const config = parseConfig(process.env)
  const logger: Logger = pino({
    level: config.logLevel,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
  })
  await lockHost()
  const embedded =
    config.store.endpoints.length > 0
      ? undefined
      : new EmbeddedEtcd({ binary: ETCD, dataDir: `${DATA}/etcd`, logger })
  const daemon = await start(config, embedded, logger)
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

async function start(config: Config, embedded: EmbeddedEtcd | undefined, logger: Logger) {
  const endpoints = embedded === undefined ? config.store.endpoints : await embedded.start()
  const store = createEtcdStore({ config: config.store, endpoints, logger })
  const dataplane = await createDataplane({ netnsDir: `${HOST_RUN}/docker/netns`, logger })
  const paths = {
    data: DATA,
    run: `${HOST_RUN}/tsoverlay`,
    hostRun: '/run/tsoverlay',
    node: process.execPath,
    cli: CLI,
    docker: `${HOST_RUN}/docker.sock`,
    sockets: SOCKETS,
  }
  return startDaemon({ config, paths, store, dataplane, logger })
}

/**
 * dockerd restarts a managed plugin that exits while it is being enabled, and that restart races
 * with its own giving up: the next enable then fails, too (seen with 26.1; moby
 * daemon/pkg/plugin/manager_linux.go HandleExitEvent). So the process stays, without a socket, until
 * dockerd ends it, which takes it some 12 s.
 */
const FAILED_START_MS = 20_000

main().catch((error: unknown) => {
  // One line, as each line becomes one of dockerd's log.
  process.stderr.write(`tsoverlay: ${messageOf(error)}\n`)
  const exit = (): never => process.exit(1)
  process.once('SIGTERM', exit)
  process.once('SIGINT', exit)
  setTimeout(exit, FAILED_START_MS)
})
