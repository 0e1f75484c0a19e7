/** The way of a packet between two endpoints, hop by hop. */
import { useEffect, useRef, useState } from 'preact/hooks'
import type { Hop, TraceReport } from '../../core/admin/trace.js'
import { useAsked } from '../agent/asked.js'
import type { Cluster, EndpointNode } from '../model/cluster.js'
import { levelOf } from '../model/health.js'
import type { Pair } from '../model/pair.js'
import { Mark } from '../parts/mark.js'
import { scrolls } from '../parts/scroll.js'
import { Note, Section } from '../parts/section.js'

/** Of the list, in pixels. */
const MIDDLE = 180

interface TraceProps {
  readonly cluster: Cluster
  readonly pair: Pair
  readonly setPair: (pair: Pair) => void
}

export function Trace({ cluster, pair, setPair }: TraceProps) {
  const [asked, ask] = useAsked<TraceReport>()
  const [from, to] = [pair.from, pair.to].map((id) => cluster.byId.get(id ?? ''))
  const [src, dst] = [addressOf(from), addressOf(to)]
  const [port, setPort] = useState('')
  const run = (): void => {
    if (src === undefined || dst === undefined) return
    const query = { from: src, to: dst, ...(port === '' ? {} : { port }) }
    ask(`/trace?${new URLSearchParams(query)}`)
  }
  // as soon as both are known, and only when one of them is another
  useEffect(run, [src, dst])
  const tools =
    src === undefined || dst === undefined ? null : (
      <div class="search">
        <label for="port">TCP port</label>
        <input
          id="port"
          type="number"
          min="1"
          max="65535"
          placeholder="none"
          value={port}
          onInput={({ currentTarget }) => setPort(currentTarget.value)}
        />
        <button type="button" class="main" onClick={run}>
          Trace again
        </button>
      </div>
    )
  return (
    <Section id="trace" title="Trace" tools={tools}>
      <Picks from={from} to={to} pair={pair} setPair={setPair} />
      {asked === undefined || src === undefined || dst === undefined ? null : (
        <>
          <div role="status">
            {asked.answer.state === 'waiting' ? <Note>Looking at each hop…</Note> : null}
            {asked.answer.why === undefined ? null : <Note>{asked.answer.why}</Note>}
            {asked.documents.map((report) => (
              <Verdict key={report.from} report={report} ends={[from, to]} />
            ))}
          </div>
          {asked.documents.map((report) => (
            <Hops key={report.from} report={report} />
          ))}
        </>
      )}
    </Section>
  )
}

/** Without the prefix length. */
function addressOf(endpoint: EndpointNode | undefined): string | undefined {
  return endpoint?.addresses[0]?.split('/')[0]
}

interface PicksProps extends Omit<TraceProps, 'cluster'> {
  readonly from: EndpointNode | undefined
  readonly to: EndpointNode | undefined
}

function Picks({ from, to, pair, setPair }: PicksProps) {
  const ends = [
    { end: 'from', word: 'From', endpoint: from },
    { end: 'to', word: 'To', endpoint: to },
  ] as const
  return (
    <div class="picks">
      {ends.map(({ end, word, endpoint }) => (
        <PickRow
          key={end}
          word={word}
          endpoint={endpoint}
          isPicking={pair.picking === end}
          pick={() => setPair({ ...pair, picking: pair.picking === end ? undefined : end })}
        />
      ))}
    </div>
  )
}

interface PickProps {
  readonly word: string
  readonly endpoint: EndpointNode | undefined
  readonly isPicking: boolean
  readonly pick: () => void
}

function PickRow({ word, endpoint, isPicking, pick }: PickProps) {
  return (
    <>
      <span class="pick-word">{word}</span>
      <span>
        {endpoint === undefined ? (
          <span class="note">{isPicking ? 'click an endpoint' : 'none yet'}</span>
        ) : (
          <>
            <strong>{endpoint.title}</strong> {endpoint.networkName} on {endpoint.hostName}{' '}
            <code>{addressOf(endpoint)}</code>
          </>
        )}
      </span>
      <button
        type="button"
        aria-pressed={isPicking}
        aria-label={`Pick the endpoint ${word === 'From' ? 'that sends' : 'that receives'}`}
        onClick={pick}
      >
        Pick
      </button>
    </>
  )
}

interface VerdictProps {
  readonly report: TraceReport
  /** as the page calls them; they were asked for by their addresses */
  readonly ends: readonly (EndpointNode | undefined)[]
}

function Verdict({ report, ends }: VerdictProps) {
  const broken = report.hops.find(({ verdict }) => verdict === 'failed')
  const unknown = report.hops.some(({ verdict }) => verdict === 'unknown')
  const verdict = broken !== undefined ? 'failed' : unknown ? 'unknown' : 'ok'
  const [from, to] = ends.map((end) => `${end?.title} (${addressOf(end)})`)
  return (
    <>
      <p class={`verdict verdict-${verdict}`}>
        {broken !== undefined
          ? `Packets do not get past ${broken.hop} on ${broken.host}: ${broken.says}`
          : unknown
            ? 'Nothing wrong was found, but not all could be looked at.'
            : `Packets get from ${from} to ${to}, and back.`}
      </p>
      {broken?.mend === undefined ? null : (
        <p class="mend">
          On {broken.mend.host}: <code>{broken.mend.command}</code>
        </p>
      )}
    </>
  )
}

/** With the hop that fails in its middle: most come before it. */
function Hops({ report }: { readonly report: TraceReport }) {
  const list = useRef<HTMLDivElement>(null)
  useEffect(() => {
    const at = report.hops.findIndex(({ verdict }) => verdict === 'failed')
    const failed = list.current?.querySelectorAll('li')[at]
    // not scrollIntoView, which would scroll the page, too
    if (failed !== undefined) list.current?.scrollTo({ top: failed.offsetTop - MIDDLE })
  }, [report])
  return (
    <div class="lines" ref={list} {...scrolls('Hops of the packet')}>
      <ol>
        {report.hops.map((hop) => (
          <HopLine key={`${hop.host} ${hop.hop} ${hop.about} ${hop.back ?? false}`} hop={hop} />
        ))}
      </ol>
    </div>
  )
}

function HopLine({ hop: { host, hop, about, verdict, says, back, mend } }: { readonly hop: Hop }) {
  return (
    <li>
      <div class="line-head">
        <Mark health={{ level: levelOf(verdict), word: verdict, why: [] }} />
        <strong>{hop}</strong>
        <span>
          {about} <span class="count">on {host}</span>
          {back === true ? <span class="count"> (way back)</span> : null}
        </span>
      </div>
      {says === '' ? null : <div class="line-more">{says}</div>}
      {mend === undefined ? null : (
        <div class="line-more">
          on {mend.host}: <code>{mend.command}</code>
        </div>
      )}
    </li>
  )
}
