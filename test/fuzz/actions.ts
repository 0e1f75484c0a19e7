/** What the fuzzer does, drawn from a seed as plain data. */
import fc from 'fast-check'
import { type Call, call, METHODS } from './calls.js'

export type Action =
  /** one call, or the same several times at once */
  | { readonly kind: 'call'; readonly call: Call; readonly times: number }
  /** a container's life as dockerd leads it: everything has to succeed */
  | { readonly kind: 'life'; readonly steps: Life }
  /** a network's life with containers in it */
  | { readonly kind: 'network'; readonly slot: number; readonly lives: readonly Life[] }
  /** a call of which members or bytes were changed */
  | { readonly kind: 'bent'; readonly call: Call; readonly how: Bend }
  | { readonly kind: 'text'; readonly method: string; readonly text: string }
  | { readonly kind: 'huge'; readonly method: string; readonly bytes: number }
  /** a method, path or verb that there is not */
  | { readonly kind: 'stray'; readonly verb: string; readonly path: string }
  | { readonly kind: 'pipelined'; readonly calls: readonly Call[] }
  | { readonly kind: 'chunked'; readonly call: Call; readonly size: number }
  /** cut after a part of its bytes; `later`: stays open until the next settling */
  | { readonly kind: 'cut'; readonly call: Call; readonly part: number; readonly later: boolean }
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'admin'; readonly verb: string; readonly path: string }

/** Where a life ends early, and what is done twice. */
export interface Life {
  readonly join: boolean
  readonly moved: boolean
  readonly twice: boolean
}

export type Bend =
  | { readonly member: number; readonly value: unknown }
  | { readonly at: readonly number[]; readonly byte: number }

const life: fc.Arbitrary<Life> = fc.record({
  join: fc.oneof({ weight: 3, arbitrary: fc.constant(true) }, fc.boolean()),
  moved: fc.nat(9).map((n) => n === 0),
  twice: fc.nat(4).map((n) => n === 0),
})
const method = fc.constantFrom(...METHODS)
const VERBS = ['GET', 'HEAD', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE', 'PROPFIND', 'POST']
const path = fc.oneof(
  method.map((name) => `/${name}`),
  fc.constantFrom(
    '/',
    '//',
    '/NetworkDriver',
    '/NetworkDriver.join',
    '/%',
    '/%00',
    '/a?b=%zz',
    '*',
  ),
  fc.webPath().map((text) => text.slice(0, 2_000) || '/'),
  fc.integer({ min: 1, max: 12_000 }).map((size) => `/${'p'.repeat(size)}`),
)
const adminPath = fc.oneof(
  fc.constantFrom('/status', '/hosts', '/networks', '/endpoints', '/metrics'),
  fc.constantFrom('/endpoints?network=x', '/endpoints?network=a&network=b', '/hosts/nobody'),
  fc.webPath().map((text) => `/hosts/x${text.slice(0, 200)}`),
  fc.webQueryParameters().map((text) => `/endpoints?${text.slice(0, 500)}`),
  path,
)
const bend: fc.Arbitrary<Bend> = fc.oneof(
  fc.record({ member: fc.nat(12), value: fc.jsonValue({ maxDepth: 3 }) as fc.Arbitrary<unknown> }),
  fc.record({
    at: fc.array(fc.nat(5_000), { minLength: 1, maxLength: 4 }),
    byte: fc.nat(255),
  }),
)
const kind = <K extends string>(name: K): fc.Arbitrary<K> => fc.constant(name)

const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 40,
    arbitrary: fc.record({
      kind: kind('call'),
      call,
      times: fc.nat(19).map((n) => (n < 2 ? n + 2 : 1)),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: kind('life'), steps: life }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: kind('network'),
      slot: fc.nat(200),
      lives: fc.array(life, { minLength: 1, maxLength: 4 }),
    }),
  },
  { weight: 20, arbitrary: fc.record({ kind: kind('bent'), call, how: bend }) },
  { weight: 6, arbitrary: fc.record({ kind: kind('text'), method, text: fc.string() }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: kind('huge'),
      method,
      bytes: fc.constantFrom(900_000, 1_048_576, 1_048_577, 3_000_000),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({ kind: kind('stray'), verb: fc.constantFrom(...VERBS), path }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: kind('pipelined'),
      calls: fc.array(call, { minLength: 2, maxLength: 6 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: kind('chunked'), call, size: fc.integer({ min: 1, max: 200 }) }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: kind('cut'),
      call,
      part: fc.double({ min: 0, max: 1, noNaN: true }),
      later: fc.nat(9).map((n) => n === 0),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: kind('bytes'), bytes: fc.uint8Array({ maxLength: 300 }) }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: kind('admin'),
      verb: fc.constantFrom('GET', 'GET', 'GET', ...VERBS),
      path: adminPath,
    }),
  },
)

/** @returns the same actions for the same seed */
export function draw(seed: number, count: number): Action[] {
  return fc.sample(action, { seed, numRuns: count })
}
