/** A driver of the bench's own, where a host's dockerd looks for drivers. */
import { rmSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import type { Host } from '../lab/host.js'

/** @returns the socket of a host's driver, as this machine sees it */
export const driverSocket = (host: Host, name: string): string =>
  host.path(`/run/docker/plugins/${name}.sock`)

/** Serves calls of a host's dockerd to the driver of that name. @returns what ends it */
export async function serveDriver(
  host: Host,
  name: string,
  listener: RequestListener,
): Promise<() => void> {
  const path = driverSocket(host, name)
  rmSync(path, { force: true })
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(path, resolve))
  return () => {
    server.close()
    server.closeAllConnections()
    rmSync(path, { force: true })
  }
}
