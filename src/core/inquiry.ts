/**
 * What one host's agent may ask another's: a fixed list, each kind only reads, and both sides check
 * parameters and answers. docs/security.md tells who may ask.
 */
import { type TSchema, Type } from 'typebox'
import { Finding } from './admin/doctor.js'
import { type Report, text, texts, yesNo } from './admin/schema.js'

interface Inquiry {
  readonly params: TSchema
  readonly answer: TSchema
}

/** An entry in this list is all that a new kind needs, besides who answers (`Inquiries.on`). */
export const INQUIRIES = {
  about: {
    params: Type.Object({}),
    answer: Type.Object({
      version: text('of the plugin'),
      time: Type.Number({ description: 'what its clock shows, in milliseconds since 1970' }),
    }),
  },
  doctor: {
    params: Type.Object({}),
    answer: Type.Object({ findings: Type.Array(Finding) }),
  },
  reflect: {
    params: Type.Object({
      forMs: Type.Integer({
        minimum: 0,
        maximum: 30_000,
        description: 'how long probes are heard',
      }),
    }),
    answer: Type.Object({ networks: texts('keys of those whose probes are heard now') }),
  },
  heard: {
    params: Type.Object({
      network: text("the network's key"),
      marks: Type.Array(Type.String(), { maxItems: 64, description: 'of probes' }),
    }),
    answer: Type.Object({
      listens: yesNo('probes of the network are heard here'),
      heard: texts('those of the marks that have arrived'),
      refusals: Type.Array(Type.Object({ table: Type.String(), chain: Type.String() }), {
        description: 'what refuses VXLAN packets of the asker here',
      }),
      dev: text("this host's underlay device; empty: not known"),
      mtu: Type.Integer({ description: 'its MTU; 0: not known' }),
    }),
  },
} as const satisfies Readonly<Record<string, Inquiry>>

export type InquiryKind = keyof typeof INQUIRIES
export type Params<K extends InquiryKind> = Report<(typeof INQUIRIES)[K]['params']>
export type Answer<K extends InquiryKind> = Report<(typeof INQUIRIES)[K]['answer']>

/** Undefined for a kind of another version. */
export function inquiryOf(kind: string): Inquiry | undefined {
  return Object.hasOwn(INQUIRIES, kind) ? INQUIRIES[kind as InquiryKind] : undefined
}
