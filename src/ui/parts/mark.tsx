/** Health as a shape: a circle, a triangle, a square, a ring. */
import type { Health, Level } from '../model/health.js'

const PATHS: Readonly<Record<Level, string>> = {
  ok: 'M7 1a6 6 0 1 0 0 12A6 6 0 0 0 7 1Z',
  warning: 'M7 .8 13.6 12.6H.4Z',
  failed: 'M1.5 1.5h11v11h-11Z',
  unknown: 'M7 1.75a5.25 5.25 0 1 0 0 10.5a5.25 5.25 0 0 0 0-10.5Z',
}
/** What stands in the shape. */
const SIGNS: Readonly<Record<Level, string>> = {
  ok: 'M4.2 7.2l2 2 3.6-4.2',
  warning: 'M7 5v3.4M7 10.2v.6',
  failed: 'M4.6 4.6l4.8 4.8M9.4 4.6l-4.8 4.8',
  unknown: 'M5 7h4',
}

/** 14 by 14, for inside an SVG. */
export function MarkShape({ level }: { readonly level: Level }) {
  return (
    <g class={`mark mark-${level}`}>
      <path class="mark-shape" d={PATHS[level]} />
      <path class="mark-sign" d={SIGNS[level]} />
    </g>
  )
}

/** With its word beside it. */
export function Mark({ health }: { readonly health: Health }) {
  return (
    <span class="state">
      <svg class="state-mark" viewBox="0 0 14 14" width="14" height="14" aria-hidden="true">
        <MarkShape level={health.level} />
      </svg>
      {health.word}
    </span>
  )
}
