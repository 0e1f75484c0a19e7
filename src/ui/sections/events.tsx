/** What has happened since the page was opened, the latest first. */
import { useEffect, useRef, useState } from 'preact/hooks'
import type { EventReport } from '../../core/admin/events.js'
import type { Answer } from '../agent/answer.js'
import { stay } from '../agent/stay.js'
import type { Cluster } from '../model/cluster.js'
import { type Health, OK } from '../model/health.js'
import { Mark } from '../parts/mark.js'
import { Note, Section } from '../parts/section.js'

const MOST = 100

interface Seen extends EventReport {
  /** counts up, as nothing else tells two of them apart */
  readonly turn: number
}

export function Events({ cluster }: { readonly cluster: Cluster }) {
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
  const titles = useTitles(cluster, events)
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
            <Line key={event.turn} event={event} title={titles.get(event.id)} />
          ))}
        </ol>
      </div>
    </Section>
  )
}

/** By id, of endpoints that came: their names come after them. */
function useTitles({ byId }: Cluster, events: readonly Seen[]): ReadonlyMap<string, string> {
  const titles = useRef(new Map<string, string>())
  for (const { kind, id } of events) {
    const endpoint = kind === 'endpoint' ? byId.get(id) : undefined
    if (endpoint !== undefined) titles.current.set(id, endpoint.title)
  }
  return titles.current
}

interface LineProps {
  readonly event: Seen
  readonly title: string | undefined
}

function Line({ event, title }: LineProps) {
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
        {name === kind ? null : <strong>{title ?? name}</strong>}
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
