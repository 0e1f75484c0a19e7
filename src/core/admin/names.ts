import { Type } from 'typebox'
import { type Report, text, texts } from './schema.js'

/** Who has a name. */
export const NameSource = Type.Union([
  Type.Object({
    kind: Type.Literal('container'),
    addresses: texts('what a question is answered with'),
    endpoint: text("Docker's id of the endpoint"),
    host: text('id of its host'),
    hostName: text('name of its host'),
    container: text(
      "the container's own name; the name may be an alias, its hostname or its short id",
    ),
  }),
  Type.Object({ kind: Type.Literal('static'), addresses: texts('as people have given them') }),
])
export type NameSource = Report<typeof NameSource>

/** A name in one network, in GET /names and GET /names/lookup. */
export const NameReport = Type.Object({
  name: Type.String(),
  network: text('what this host calls the network; empty: all of them'),
  sources: Type.Array(NameSource),
})
export type NameReport = Report<typeof NameReport>
export const NameReports = Type.Array(NameReport)

/** What PUT /names/<name> takes. */
export const NameWish = Type.Object({ addresses: Type.Array(Type.String()) })
export type NameWish = Report<typeof NameWish>
