/** The removal of a host as lines of JSON: its progress, then what was freed or why it stopped. */
import { Readable } from 'node:stream'
import type { HostRemoval, RemovedHost } from '../control/operator/host-removal.js'
import type { RemovalLine } from '../core/admin/removal.js'
import { hasCode, messageOf, TsoverlayError } from '../core/errors.js'

/** The removal goes on when nobody reads any more: half of one helps nobody. */
export function removalLines(removal: HostRemoval, host: RemovedHost, force: boolean): Readable {
  const stream = new Readable({ read: () => undefined })
  const tell = (line: RemovalLine): void => {
    if (!stream.destroyed) stream.push(`${JSON.stringify(line)}\n`)
  }
  void removal
    .remove(host, force, (progress) => tell({ progress }))
    .then(
      (freed) => tell({ removed: host.id, name: host.name, freed }),
      (error: unknown) => {
        const code = error instanceof TsoverlayError ? error.code : 'INTERNAL'
        const again = hasCode(error, 'HOST_ALIVE') ? '' : '; ask again, and the removal goes on'
        tell({ error: { code, message: `${messageOf(error)}${again}` } })
      },
    )
    .then(() => {
      if (!stream.destroyed) stream.push(null)
    })
  return stream
}
