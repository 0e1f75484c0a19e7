/** Who is asked, whether it answers, and how much there is. */
import { useEffect, useState } from 'preact/hooks'
import { agent, useAnswer } from '../agent/agent.js'
import type { Answer, AnswerState } from '../agent/answer.js'
import type { Cluster } from '../model/cluster.js'
import type { Health } from '../model/health.js'
import { ago, plural } from '../model/words.js'
import { Mark } from '../parts/mark.js'

interface HeaderProps {
  readonly cluster: Cluster
  readonly answer: Answer<unknown>
}

const WELL: Health = { level: 'ok', word: 'agent answers', why: [] }
const ASKING: Health = { level: 'unknown', word: 'asking the agent', why: [] }

export function Header({ cluster, answer }: HeaderProps) {
  const { value: status } = useAnswer(agent.status)
  const { hosts, networks, endpoints } = cluster
  const away = hosts.filter(({ alive }) => !alive).length
  return (
    <header class="top">
      <a class="skip" href="#endpoints">
        Skip to the table of endpoints
      </a>
      <div class="top-line">
        <h1>
          tsoverlay{status === undefined ? '' : <span class="who"> on {status.host.name}</span>}
        </h1>
        <p class="facts">
          <Mark health={healthOf(answer)} />
          {status === undefined ? null : <Mark health={storeHealth(status.store.reached)} />}
          <span>
            {plural(hosts.length, 'host')}
            {away === 0 ? '' : ` (${away} away)`}
          </span>
          <span>{plural(networks.length, 'network')}</span>
          <span>{plural(endpoints.length, 'endpoint')}</span>
        </p>
      </div>
      <Trouble answer={answer} />
    </header>
  )
}

function storeHealth(reached: boolean): Health {
  return reached
    ? { level: 'ok', word: 'store reached', why: [] }
    : { level: 'failed', word: 'store not reached', why: [] }
}

function healthOf({ state }: Answer<unknown>): Health {
  if (state === 'fresh') return WELL
  if (state === 'waiting') return ASKING
  if (state === 'absent') return { level: 'warning', word: 'another version', why: [] }
  if (state === 'refused') return { level: 'warning', word: 'agent refuses', why: [] }
  return { level: 'failed', word: state === 'ended' ? 'page ended' : 'agent away', why: [] }
}

const TROUBLES: Readonly<Record<AnswerState, string>> = {
  waiting: '',
  fresh: '',
  absent: 'Not all is shown.',
  away: 'The agent does not answer.',
  refused: 'The agent refuses.',
  ended: 'This page is cut off.',
}

/** Said once when it begins, with how old is what is seen; gone when the agent is back. */
function Trouble({ answer: { state, why, at } }: { readonly answer: Answer<unknown> }) {
  const now = useSeconds()
  const well = state === 'fresh' || state === 'waiting'
  return (
    <div role="alert">
      {well ? null : (
        <p class="trouble">
          <strong>{TROUBLES[state]}</strong> {why}
          {at === undefined ? null : (
            <span aria-hidden="true"> What you see is what it said {ago(at, now)}.</span>
          )}
        </p>
      )}
    </div>
  )
}

function useSeconds(): number {
  const [now, setNow] = useState(Date.now())
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1_000)
    return () => clearInterval(timer)
  }, [])
  return now
}
