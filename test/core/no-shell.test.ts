/** What a user says never reaches a shell: the source starts programs by an argument list only. */
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const SOURCE = fileURLToPath(new URL('../../src/', import.meta.url))
const files = readdirSync(SOURCE, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => ({ name, text: readFileSync(SOURCE + name, 'utf8') }))

/** `exec` and `execSync` of node:child_process run a shell, the others with `shell` only. */
const SHELL = /\bshell\s*:|\b(?:exec|execSync)\b[^\n]*from 'node:child_process'/

t.test('no file of the source runs a shell', async (t) => {
  t.match("import { exec } from 'node:child_process'", SHELL, 'so the test would see it')
  t.ok(files.length > 50)
  t.same(
    files.filter(({ text }) => SHELL.test(text)).map(({ name }) => name),
    [],
  )
})

t.test('one file starts a program', async (t) => {
  const starters = files.filter(({ text }) => text.includes('child_process'))
  t.same(
    starters.map(({ name }) => name),
    ['state/embedded-etcd.ts'],
  )
})
