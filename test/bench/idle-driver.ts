/** A network driver that answers at once and has its link already: what no remote driver can be faster than. */
import { rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { Host } from '../lab/host.js'

const NAME = 'idledriver'
/** dockerd moves it into the container, and back when the container leaves. */
const LINK = 'idle0'
const ANSWERS: Readonly<Record<string, object>> = {
  '/Plugin.Activate': { Implements: ['NetworkDriver'] },
  '/NetworkDriver.GetCapabilities': { Scope: 'local', ConnectivityScope: 'local' },
  '/NetworkDriver.Join': { InterfaceName: { SrcName: LINK, DstPrefix: 'eth' } },
}

/**
 * Adds the driver to a host's dockerd, for one container at a time. Addresses are dockerd's own IPAM's.
 * @returns its name, and what ends it
 */
export async function addIdleDriver(
  host: Host,
): Promise<{ readonly name: string; close(): Promise<void> }> {
  const path = host.path(`/run/docker/plugins/${NAME}.sock`)
  rmSync(path, { force: true })
  const server = createServer((asked, answer) => {
    asked.resume()
    asked.on('end', () => answer.end(JSON.stringify(ANSWERS[asked.url ?? ''] ?? {})))
  })
  await new Promise<void>((resolve) => server.listen(path, resolve))
  await host.sh(['ip', 'link', 'add', LINK, 'type', 'veth', 'peer', 'name', `${LINK}-end`])
  const close = async (): Promise<void> => {
    await host.sh(['ip', 'link', 'del', LINK], { check: false })
    server.close()
    server.closeAllConnections()
    rmSync(path, { force: true })
  }
  return { name: NAME, close }
}
