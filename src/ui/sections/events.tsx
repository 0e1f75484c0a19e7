/** What has happened since the page was opened, the latest first. */
import { useEffect, useState } from 'preact/hooks'
import type { EventReport } from '../../core/admin/events.js'
import type { Answer } from '../agent/answer.js'
import { stay } from '../agent/stay.js'
import { type Health, OK } from '../model/health.js'
import { Mark } from '../parts/mark.js'
import { Note, Section } from '../parts/section.js'

const MOST = 100

interface Seen extends EventReport {
  /** counts up, as nothing else tells two of them apart */
  readonly turn: number
}

export function Events() {
  const [events, setEvents] = useState<readonly Seen[]>([])
  const [answer, setAnswer] = useState<Answer<never>>({ state: 'waiting' })
  useEffect(() => {
    let turn = 0
    const add = (event: EventReport): void => {
      const seen = { ...event, turn: turn++ }
      setEvents((before) => [seen, ...before].slice(0, MOST))
    }
    return stay('/events', add, setAnswer)
  }, [])
  return (
    <Section id="events" title="Events">
      {answer.state === 'absent' || answer.state === 'refused' ? (
        <Note>{answer.why}</Note>
      ) : events.length === 0 ? (
        <Note>Nothing has happened since this page was opened.</Note>
      ) : null}
      <div class="lines" role="log" aria-label="Events, the latest first" tabindex={0}>
        <ol>
          {events.map((event) => (
            <Line key={event.turn} event={event} />
          ))}
        </ol>
      </div>
    </Section>
  )
}

function Line({ event }: { readonly event: Seen }) {
  const { at, kind, what, name, host, network, note } = event
  const where = [
    ...(host === undefined || kind === 'host' ? [] : [`on ${host}`]),
    ...(network === undefined || kind === 'network' ? [] : [`in ${network}`]),
  ].join(' ')
  return (
    <li>
      <div class="line-head">
        <time dateTime={at}>{new Date(at).toLocaleTimeString('en-GB')}</time>
        <Mark health={{ ...healthOf(what), word: kind }} />
        {name === kind ? null : <strong>{name}</strong>}
        <span>
          {what} {where}
        </span>
      </div>
      {note === '' ? null : <div class="line-more">{note}</div>}
    </li>
  )
}

const BAD: ReadonlySet<EventReport['what']> = new Set(['away', 'lost', 'appears', 'skipped'])

function healthOf(what: EventReport['what']): Health {
  return BAD.has(what) ? { level: 'warning', word: '', why: [] } : OK
}
