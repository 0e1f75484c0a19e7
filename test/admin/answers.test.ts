/** What the routes answer is what their schemas say, and no more than that. */
import t from 'tap'
import type { TSchema } from 'typebox'
import { Value } from 'typebox/value'
import { documented } from './document.js'
import { pairOfHosts, resourcesOf } from './resources.js'

/** What has to be there with two hosts and a network of theirs. */
const ANSWERED = [
  '/status',
  '/hosts',
  '/networks',
  '/endpoints',
  '/names',
  '/pools',
  '/about',
  '/log',
]
const REFUSED = [
  '/pools?pool=green',
  '/endpoints?network=green',
  '/names/lookup',
  '/names/lookup?name=-x',
]

const OF_JSON = 'application/json'

t.test('answers are as documented, those that are refused, too', async (t) => {
  const { b } = await pairOfHosts(t)
  const { app, document } = await documented(resourcesOf(b))
  t.teardown(() => app.close())
  const simple = Object.keys(document.paths).filter((path) => {
    const answers = document.paths[path]?.['get']?.responses['200']
    return answers?.content?.[OF_JSON] !== undefined && !path.includes('{')
  })
  for (const url of new Set([...simple, ...ANSWERED, ...REFUSED])) {
    const { statusCode, body } = await app.inject({ url })
    if (ANSWERED.includes(url)) t.equal(statusCode, 200, url)
    if (REFUSED.includes(url)) t.ok(statusCode >= 400, url)
    const { responses } = document.paths[url.replace(/\?.*/, '')]?.['get'] ?? { responses: {} }
    const answer = responses[statusCode === 200 ? '200' : 'default']
    const schema = answer?.content?.[OF_JSON]?.schema as TSchema
    const value: unknown = JSON.parse(body)
    t.same([...Value.Errors(schema, value)], [], `${url} answers as documented`)
    t.same(Value.Clean(schema, structuredClone(value)), value, `${url} says nothing else`)
  }
})

t.test('the check would see it', async (t) => {
  const { document } = await documented({} as Parameters<typeof documented>[0])
  const schema = document.paths['/hosts']?.['get']?.responses['200']?.content?.[OF_JSON]?.schema
  t.notOk(Value.Check(schema as TSchema, [{ id: 'a' }]))
  t.ok(Value.Check(schema as TSchema, []))
})
