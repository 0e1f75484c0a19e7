/** Whether a TCP address of this host can be listened on. */
import { once } from 'node:events'
import { createServer } from 'node:net'
import { messageOf, TsoverlayError } from './errors.js'

/**
 * Listens for a moment.
 * @param setting whose value the address is
 * @throws TsoverlayError SETTING_INVALID when it is taken, or no address of this host
 */
export async function checkListening(
  setting: string,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<void> {
  const server = createServer()
  try {
    server.listen(port, host)
    await once(server, 'listening')
  } catch (error) {
    throw new TsoverlayError(
      'SETTING_INVALID',
      `setting ${setting}="${host}:${port}" cannot be used (${messageOf(error)}): allowed is an address of this host with a free port`,
      error,
    )
  } finally {
    await new Promise((resolve) => server.close(resolve))
  }
}
