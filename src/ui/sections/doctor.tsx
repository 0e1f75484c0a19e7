/** What the checks of `tsoverlay doctor` find, the worst first. */
import { useEffect, useMemo } from 'preact/hooks'
import type { DoctorLine, Finding } from '../../core/admin/doctor.js'
import { type Asked, useAsked } from '../agent/asked.js'
import { byLevel, levelOf } from '../model/health.js'
import { plural } from '../model/words.js'
import { Mark } from '../parts/mark.js'
import { Note, Section } from '../parts/section.js'

export function Doctor() {
  const [asked, ask] = useAsked<DoctorLine>()
  // biome-ignore lint/correctness/useExhaustiveDependencies: once, when the page opens
  useEffect(() => ask('/doctor'), [])
  const tools = (
    <div class="search">
      <button type="button" onClick={() => ask('/doctor')}>
        Check this host
      </button>
      <button type="button" onClick={() => ask('/doctor?hosts=all')}>
        Check all hosts
      </button>
    </div>
  )
  return (
    <Section id="doctor" title="Doctor" tools={tools}>
      {asked === undefined ? null : <Findings asked={asked} />}
    </Section>
  )
}

function Findings({ asked: { answer, documents } }: { readonly asked: Asked<DoctorLine> }) {
  const findings = useMemo(
    () =>
      documents
        .flatMap((line) =>
          'finding' in line ? [{ ...line.finding, level: levelOf(line.finding.verdict) }] : [],
        )
        .sort(byLevel),
    [documents],
  )
  const errors = documents.flatMap((line) => ('error' in line ? [line.error.message] : []))
  const last = documents.at(-1)
  const waits = last !== undefined && 'progress' in last ? last.progress : 'the checks'
  const wrong = findings.filter(({ level }) => level !== 'ok')
  const fine = findings.length - wrong.length
  return (
    <>
      <div role="status">
        {answer.state === 'waiting' ? <Note>Waiting for {waits}…</Note> : null}
        {answer.why === undefined ? null : <Note>{answer.why}</Note>}
        {errors.map((error) => (
          <Note key={error}>{error}</Note>
        ))}
        {answer.state === 'fresh' ? (
          <p class={`verdict verdict-${wrong[0]?.level ?? 'ok'}`}>
            {wrong.length === 0 ? 'Nothing is wrong' : plural(wrong.length, 'finding')};{' '}
            {plural(fine, 'check')} ok.
          </p>
        ) : null}
      </div>
      {wrong.length === 0 ? null : <List findings={wrong} label="What is not well" />}
      {fine === 0 ? null : (
        <details>
          <summary>{plural(fine, 'check')} ok</summary>
          <List findings={findings.slice(wrong.length)} label="Checks that are ok" />
        </details>
      )}
    </>
  )
}

function List({
  findings,
  label,
}: {
  readonly findings: readonly Finding[]
  readonly label: string
}) {
  return (
    <div class="lines" role="group" aria-label={label} tabindex={0}>
      <ol>
        {findings.map(({ host, name, about, verdict, says, mend }) => (
          <li key={`${host} ${name} ${about} ${says}`}>
            <div class="line-head">
              <Mark health={{ level: levelOf(verdict), word: verdict, why: [] }} />
              <strong>{name}</strong>
              <span>
                {about} <span class="count">on {host}</span>
              </span>
            </div>
            <div class="line-more">{says}</div>
            {mend === '' ? null : (
              <div class="line-more">
                <code>{mend}</code>
              </div>
            )}
          </li>
        ))}
      </ol>
    </div>
  )
}
