/** Holds docs/errors.md equal to the table in the code; `UPDATE=1` writes it. */
import { readFileSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { ERRORS, hasCode, messageOf, TsoverlayError } from '../../src/core/errors.js'

const FILE = new URL('../../docs/errors.md', import.meta.url)

function page(): string {
  const rows = Object.entries(ERRORS).map(
    ([code, { retryable, meaning }]) =>
      `| \`${code}\` | ${meaning} | ${retryable ? 'yes' : 'no'} |`,
  )
  return [
    '# Errors',
    '',
    '<!-- Made from src/core/errors.ts by `UPDATE=1 node --import tsx test/core/errors.test.ts`. -->',
    '',
    'What the plugin can refuse or fail with. `docker` shows the message, which names the option or',
    'item, its value and what is allowed; the log shows the code as well. "Again" says whether the',
    'same command may succeed later without anybody changing anything.',
    '',
    '| code | meaning | again |',
    '|---|---|---|',
    ...rows,
    '',
  ].join('\n')
}

t.test('docs/errors.md has every error of the table', async (t) => {
  if (process.env['UPDATE'] === '1') writeFileSync(FILE, page())
  t.equal(readFileSync(FILE, 'utf8'), page())
})

t.test('an error knows whether trying again makes sense', async (t) => {
  const cause = new Error('connection refused')
  const away = new TsoverlayError('STORE_UNAVAILABLE', 'etcd is away', cause)
  t.match(away, { name: 'TsoverlayError', code: 'STORE_UNAVAILABLE', retryable: true, cause })
  t.equal(new TsoverlayError('OPTION_UNKNOWN', 'no').retryable, false)
  t.notOk('cause' in new TsoverlayError('OPTION_UNKNOWN', 'no'))
})

t.test('errors are told apart by code, never by text', async (t) => {
  const error = new TsoverlayError('VNI_TAKEN', 'taken')
  t.equal(hasCode(error, 'POOL_OVERLAP', 'VNI_TAKEN'), true)
  t.equal(hasCode(error, 'POOL_OVERLAP'), false)
  t.equal(hasCode(Object.assign(new Error('taken'), { code: 'VNI_TAKEN' }), 'VNI_TAKEN'), false)
  t.equal(hasCode(undefined, 'VNI_TAKEN'), false)
})

t.test('whatever was thrown has a text', async (t) => {
  t.equal(messageOf(new Error('no')), 'no')
  t.equal(messageOf('no'), 'no')
  t.equal(messageOf(undefined), 'undefined')
})
