import { readFileSync } from 'node:fs'
import t from 'tap'
import { VERSION } from '../../src/core/version.js'

t.test('the program says the version of its package', async (t) => {
  const file = new URL('../../package.json', import.meta.url)
  t.equal(VERSION, JSON.parse(readFileSync(file, 'utf8')).version)
})
