/**
 * The plugin's process: what can be wrong from outside is looked at, the sockets are opened, and
 * only then the rest of the program is read (rpc/door.ts says why).
 */
import { ownLibraries, writeLauncher } from './admin/launcher.js'
import { parseConfig } from './core/config.js'
import { messageOf } from './core/errors.js'
import { checkListening } from './core/listening.js'
import { ADMIN_SOCKET_ON_HOST, CLI, RUN, RUN_ON_HOST, SOCKETS } from './paths.js'
import { Door } from './rpc/door.js'
import { readCredentials } from './state/etcd-settings.js'
import { lockHost } from './state/host-lock.js'

/** Reads the rest of the program. */
export const load = () => import('./plugin.js')

async function main(): Promise<void> {
  const config = parseConfig(process.env)
  const { endpoints } = config.store
  readCredentials(config.store, endpoints)
  if (config.metrics !== undefined) await checkListening('METRICS', config.metrics)
  await lockHost()
  // Before dockerd says that the plugin is enabled: it is what users take next.
  writeLauncher({
    folder: RUN,
    hostFolder: RUN_ON_HOST,
    node: process.execPath,
    cli: CLI,
    libraries: ownLibraries(),
    socket: ADMIN_SOCKET_ON_HOST,
  })
  const door = new Door()
  try {
    // Whether an etcd of our own starts is not known before it does.
    if (endpoints.length > 0) for (const socket of SOCKETS) await door.listen(socket)
    const { runPlugin } = await load()
    await runPlugin(config, door)
  } catch (error) {
    await door.shut()
    throw error
  }
}

/**
 * dockerd restarts a managed plugin that exits while it is being enabled, and that restart races
 * with its own giving up: the next enable then fails, too (seen with 26.1; moby
 * daemon/pkg/plugin/manager_linux.go HandleExitEvent). So the process stays, without a socket, until
 * dockerd ends it, which takes it some 12 s.
 */
const FAILED_START_MS = 20_000

/** Starts the plugin. */
export function run(): void {
  main().catch((error: unknown) => {
    // One line, as each line becomes one of dockerd's log.
    process.stderr.write(`tsoverlay: ${messageOf(error)}\n`)
    const exit = (): never => process.exit(1)
    process.once('SIGTERM', exit)
    process.once('SIGINT', exit)
    setTimeout(exit, FAILED_START_MS)
  })
}
