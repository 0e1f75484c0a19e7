/** How the admin contract is written: a schema, from which types and the OpenAPI document come. */
import { type Static, type TSchema, Type } from 'typebox'

type Frozen<T> = T extends readonly (infer U)[]
  ? readonly Frozen<U>[]
  : T extends object
    ? { readonly [K in keyof T]: Frozen<T[K]> }
    : T

/** What a schema describes, as nobody may change it. */
export type Report<S extends TSchema> = Frozen<Static<S>>

/** Text with its meaning. */
export const text = (description: string) => Type.String({ description })
/** A whole number, nought or more. */
export const count = (description: string) => Type.Integer({ minimum: 0, description })
export const yesNo = (description: string) => Type.Boolean({ description })
export const texts = (description: string) => Type.Array(Type.String(), { description })
/** One of some words. */
export const oneOf = <const W extends readonly string[]>(words: W, description: string) =>
  Type.Unsafe<W[number]>(Type.Enum([...words], { description }))
