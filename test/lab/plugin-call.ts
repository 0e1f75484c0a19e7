/** One call to the plugin of a host on its socket, as dockerd makes it. */
import { request } from 'node:http'
import { waitFor } from './exec.js'
import type { Host } from './host.js'

const SOCKET = '/run/docker/plugins/tsoverlay.sock'

export interface PluginAnswer {
  readonly status: number
  readonly body: Record<string, unknown>
}

/** @param method `NetworkDriver.Join` */
export function callPlugin(host: Host, method: string, body: object): Promise<PluginAnswer> {
  return httpOnSocket(host.path(SOCKET), 'POST', `/${method}`, JSON.stringify(body))
}

/** A plugin that was just enabled opens its admin socket a moment after the one that dockerd waits for. */
const ABSENT_MS = 5_000

/** GET on the admin socket, as soon as it is there. */
export function askAdmin(host: Host, path: string): Promise<PluginAnswer> {
  return waitFor(`${host.name}: admin socket`, ABSENT_MS, async () => {
    try {
      return await httpOnSocket(host.path('/run/tsoverlay/admin.sock'), 'GET', path)
    } catch (error) {
      if (error instanceof Error && /ENOENT|ECONNREFUSED/.test(error.message)) return undefined
      throw error
    }
  })
}

/** One request on a unix socket; rejects when nobody listens. */
export function httpOnSocket(
  socketPath: string,
  method: string,
  path: string,
  text = '',
): Promise<PluginAnswer> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, method, path, timeout: 15_000 }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () => {
        const body = JSON.parse(Buffer.concat(chunks).toString() || '{}')
        resolve({ status: response.statusCode ?? 0, body })
      })
    })
    asked.on('timeout', () => asked.destroy(new Error(`no answer to ${path}`)))
    asked.on('error', reject)
    asked.end(text)
  })
}
