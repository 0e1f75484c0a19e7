/** Holds docs/openapi.json equal to the schemas of the routes; `UPDATE=1` writes it. */
import { readFileSync, writeFileSync } from 'node:fs'
import { Validator } from '@seriousme/openapi-schema-validator'
import t from 'tap'
import type { Resources } from '../../src/admin/routes/routes.js'
import { documented } from './document.js'

const FILE = new URL('../../docs/openapi.json', import.meta.url)

t.test('docs/openapi.json is what the routes say of themselves', async (t) => {
  const { document } = await documented({} as Resources)
  const text = `${JSON.stringify(document, undefined, 2)}\n`
  if (process.env['UPDATE'] === '1') writeFileSync(FILE, text)
  t.ok(
    readFileSync(FILE, 'utf8') === text,
    'UPDATE=1 node --import tsx test/admin/openapi.test.ts writes it',
  )
})

t.test('it is OpenAPI, and each route says what it does and gives', async (t) => {
  const { document } = await documented({} as Resources)
  const validator = new Validator()
  const { valid, errors } = await validator.validate({ ...structuredClone(document) })
  t.ok(valid, JSON.stringify(errors))
  t.equal(validator.version, '3.1')
  const broken = { ...document, paths: { '/x': { get: { responses: 7 } } } }
  t.notOk((await new Validator().validate(broken)).valid, 'the validator would see it')
  for (const [path, methods] of Object.entries(document.paths)) {
    for (const [method, { summary, responses }] of Object.entries(methods)) {
      t.match(summary, /\w/, `${method} ${path} has a summary`)
      t.ok(responses['200']?.content, `${method} ${path} says what it answers`)
      t.ok(responses['default']?.content, `${method} ${path} says how it refuses`)
    }
  }
})
