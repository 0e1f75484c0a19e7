/** What the page knows of one route of the agent. */

/**
 * - waiting: nothing was answered yet
 * - fresh: the last question was answered
 * - absent: the agent has no such route (404): another version
 * - away: the agent does not answer the page's server
 * - ended: the page's server itself does not answer: `tsoverlay ui` has ended
 * - refused: the agent says why it cannot
 */
export type AnswerState = 'waiting' | 'fresh' | 'absent' | 'away' | 'ended' | 'refused'

export interface Answer<T> {
  readonly state: AnswerState
  /** the last one that came */
  readonly value?: T
  /** when it came, milliseconds as Date.now() has them */
  readonly at?: number
  /** for people, where the state is no good one */
  readonly why?: string
}

interface Refusal {
  readonly error?: { readonly code?: string; readonly message?: string }
}

/** What a status and a body that are no answer mean. @param route as people know it, such as GET /pools */
export function refusalOf(status: number, body: string, route: string): Answer<never> {
  const { code = '', message = '' } = parse(body).error ?? {}
  if (code === 'AGENT_AWAY') return { state: 'away', why: message }
  if (status === 404 && isUnknownRoute(body)) {
    return {
      state: 'absent',
      why: `The agent on this host has no ${route}: it is of another version.`,
    }
  }
  if (status === 403) return { state: 'ended', why: 'The URL of this page is no longer right.' }
  return { state: 'refused', why: message || `the agent answered with status ${status}` }
}

/** Fastify's own words for a path that nobody serves; a refusal of ours has `error.code`. */
function isUnknownRoute(body: string): boolean {
  return parse(body).error?.code === undefined
}

function parse(body: string): Refusal {
  try {
    const parsed: unknown = JSON.parse(body)
    if (typeof parsed !== 'object' || parsed === null) return {}
    const { error } = parsed as { error?: unknown }
    return typeof error === 'object' && error !== null ? { error } : {}
  } catch {
    return {}
  }
}
