/**
 * What the schemas of both protocols share. Names, letter for letter, are moby's
 * (daemon/libnetwork/{drivers,ipams}/remote/api/api.go). A request may carry fields that we do not
 * know (newer dockerd); a response may not, so that nothing slips into it by accident.
 *
 * Go writes null for an empty map, slice or pointer. body.ts drops those before validation, hence
 * Optional here covers absent and null alike.
 */
import { type TProperties, Type } from 'typebox'

/** A response with exactly these fields. */
export function response<Properties extends TProperties>(properties: Properties) {
  return Type.Object(properties, { additionalProperties: false })
}

/** An id that must be there: nothing can be done without it. */
export const Id = Type.String({ minLength: 1 })
/**
 * The id of something new, whose first characters name kernel objects: 64 hexadecimal digits, or 25
 * letters and digits in a swarm (moby pkg/stringid, swarmkit identity/randomid.go).
 */
export const NewId = Type.String({ pattern: '^[0-9a-z]{12,64}$' })
/** A Go string that is `""` where there is no value. */
export const Text = Type.Optional(Type.String())
export const StringMap = Type.Record(Type.String(), Type.String())
/** Go's map[string]any, of which we read nothing. */
export const AnyMap = Type.Record(Type.String(), Type.Unknown())

/** Success with nothing to say. dockerd needs a body: an empty one is an EOF to its decoder. */
export const Empty = response({})
