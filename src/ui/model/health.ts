/** How well something is, told by a shape and a word as much as by a colour. */
export type Level = 'ok' | 'warning' | 'failed' | 'unknown'

export interface Health {
  readonly level: Level
  /** one or two words */
  readonly word: string
  /** sentences for people; none: nothing is wrong */
  readonly why: readonly string[]
}

export const OK: Health = { level: 'ok', word: 'ok', why: [] }

const ORDER: readonly Level[] = ['failed', 'warning', 'unknown', 'ok']

/** A verdict of the agent; one that this page does not know says nothing. */
export function levelOf(verdict: string): Level {
  return ORDER.find((level) => level === verdict) ?? 'unknown'
}

/** The worst first. */
export function byLevel(a: { readonly level: Level }, b: { readonly level: Level }): number {
  return ORDER.indexOf(a.level) - ORDER.indexOf(b.level)
}
