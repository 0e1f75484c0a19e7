/** A network driver that answers at once and has its link already: what no remote driver can be faster than. */
import type { Host } from '../lab/host.js'
import { serveDriver } from './driver-socket.js'

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
  const end = await serveDriver(host, NAME, (asked, answer) => {
    asked.resume()
    asked.on('end', () => answer.end(JSON.stringify(ANSWERS[asked.url ?? ''] ?? {})))
  })
  await host.sh(['ip', 'link', 'add', LINK, 'type', 'veth', 'peer', 'name', `${LINK}-end`])
  const close = async (): Promise<void> => {
    await host.sh(['ip', 'link', 'del', LINK], { check: false })
    end()
  }
  return { name: NAME, close }
}
