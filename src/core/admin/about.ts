import { Type } from 'typebox'
import { type Report, text, texts } from './schema.js'

/** The program on this host, in GET /about. */
export const AboutReport = Type.Object({
  version: text('of the plugin'),
  node: text('of its Node'),
  kernel: text('release of the kernel'),
  since: text('when it has started, ISO 8601'),
  settings: Type.Record(Type.String(), Type.String(), {
    description: 'those that are set, without passwords and the like',
  }),
})
export type AboutReport = Report<typeof AboutReport>

/** GET /log. */
export const LogReport = texts('last lines of the log, as they were written, without passwords')
export type LogReport = Report<typeof LogReport>
