/** What happens in the cluster as lines of JSON, until nobody reads them any more. */
import { Readable } from 'node:stream'
import type { Events } from '../control/events/events.js'
import type { EventReport } from '../core/admin/events.js'

/** Who does not read misses events that come then, and is told so (bytes). */
const MOST_WAITING = 1 << 20

/** @param ended aborts when the server closes: the lines end then */
export function eventLines(events: Events, ended: AbortSignal): Readable {
  const leaving = new AbortController()
  let skipped = 0
  const stream = new Readable({
    read: () => undefined,
    destroy: (error, done) => {
      leaving.abort()
      done(error)
    },
  })
  const push = (event: EventReport): void => {
    stream.push(`${JSON.stringify(event)}\n`)
  }
  const tell = (event: EventReport): void => {
    if (stream.readableLength > MOST_WAITING) {
      skipped += 1
      return
    }
    if (skipped > 0) {
      const note = `${skipped} events, as nobody read them`
      push({ at: event.at, kind: 'store', what: 'skipped', name: 'events', id: '', note })
      skipped = 0
    }
    push(event)
  }
  events.watch(tell, AbortSignal.any([leaving.signal, ended]))
  ended.addEventListener('abort', () => stream.push(null), { once: true, signal: leaving.signal })
  return stream
}
