/**
 * What one host's agent may ask another's: a fixed list, each kind only reads, and both sides check
 * parameters and answers. docs/security.md tells who may ask.
 */
import { type TSchema, Type } from 'typebox'
import { type Report, text } from './admin/schema.js'

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
} as const satisfies Readonly<Record<string, Inquiry>>

export type InquiryKind = keyof typeof INQUIRIES
export type Params<K extends InquiryKind> = Report<(typeof INQUIRIES)[K]['params']>
export type Answer<K extends InquiryKind> = Report<(typeof INQUIRIES)[K]['answer']>

/** Undefined for a kind of another version. */
export function inquiryOf(kind: string): Inquiry | undefined {
  return Object.hasOwn(INQUIRIES, kind) ? INQUIRIES[kind as InquiryKind] : undefined
}
