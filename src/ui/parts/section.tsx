/** A part of the page with its heading, and what it says when the agent says nothing. */
import type { ComponentChildren } from 'preact'
import type { Answer } from '../agent/answer.js'

interface SectionProps {
  readonly id: string
  readonly title: string
  /** beside the heading */
  readonly tools?: ComponentChildren
  readonly children?: ComponentChildren
}

export function Section({ id, title, tools, children }: SectionProps) {
  return (
    <section class="section" id={id} aria-labelledby={`${id}-title`}>
      <header class="section-head">
        <h2 id={`${id}-title`}>{title}</h2>
        {tools}
      </header>
      {children}
    </section>
  )
}

interface TellProps<T> {
  readonly answer: Answer<T>
  /** what is asked for: "the blocks" */
  readonly what: string
  readonly children: (value: T) => ComponentChildren
}

/** The answer, or in its place why there is none. What was answered before stays when the agent goes. */
export function Tell<T>({ answer, what, children }: TellProps<T>) {
  const { state, value, why } = answer
  if (state === 'absent') return <Note>{why}</Note>
  if (state === 'refused') {
    return (
      <>
        <Note>{why}</Note>
        {value === undefined ? null : children(value)}
      </>
    )
  }
  if (value !== undefined) return <>{children(value)}</>
  if (state === 'waiting') return <Note>Asking the agent for {what}…</Note>
  return <Note>The agent is away: {what} will be here when it is back.</Note>
}

export function Note({ children }: { readonly children?: ComponentChildren }) {
  return <p class="note">{children}</p>
}
