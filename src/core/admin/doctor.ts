import { Type } from 'typebox'
import { ErrorReport } from './error.js'
import { type Report, text } from './schema.js'

/** What a check of `tsoverlay doctor` has found. */
export const Finding = Type.Object({
  host: text('name of the host that it is about, or that has looked'),
  name: text('of the check'),
  about: text('what was looked at: a host, a network, a setting; empty: all of it'),
  verdict: Type.Union([Type.Literal('ok'), Type.Literal('warning'), Type.Literal('failed')], {
    description: 'failed: containers are cut off, or will be',
  }),
  says: text('what was found'),
  mend: text('the command or step that mends it; empty: nothing is to be done'),
})
export type Finding = Report<typeof Finding>

/** A line of GET /doctor, which answers one JSON document a line as they are found. */
export const DoctorLine = Type.Union([
  Type.Object({ progress: text('what is waited for') }),
  Type.Object({ finding: Finding }),
  Type.Object({ error: ErrorReport }),
])
export type DoctorLine = Report<typeof DoctorLine>
