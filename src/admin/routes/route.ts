/** How a route says what it takes and gives: docs/openapi.json is made of it. */
import type { FastifySchema } from 'fastify'
import type { TSchema } from 'typebox'
import { Refusal } from '../../core/admin/error.js'

interface Said {
  /** one line, for people */
  readonly summary: string
  /** of the answer */
  readonly answer: TSchema
  readonly querystring?: TSchema
  readonly params?: TSchema
  readonly body?: TSchema
  /** the answer is one JSON document a line, each as `answer` says */
  readonly lines?: true
}

/** The schema of a route, with the refusal that each may answer with. */
export function says({ summary, answer, lines, ...takes }: Said): {
  readonly schema: FastifySchema
} {
  const type = lines === true ? 'application/x-ndjson' : 'application/json'
  const response = {
    200: { description: 'done', content: { [type]: { schema: answer } } },
    default: { description: 'refused', content: { 'application/json': { schema: Refusal } } },
  }
  // `summary` is not Fastify's own: the document is made of it
  const schema = { summary, ...takes, response }
  return { schema }
}
