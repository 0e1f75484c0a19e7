import { Type } from 'typebox'
import { type Report, text } from './schema.js'

export const ErrorReport = Type.Object({
  code: text('one of docs/errors.md'),
  message: text('what is wrong, and what to do'),
})
export type ErrorReport = Report<typeof ErrorReport>

/** How every refusal of the admin socket looks. */
export const Refusal = Type.Object({ error: ErrorReport })
