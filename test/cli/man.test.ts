/** Holds docs/tsoverlay.1 equal to the verbs; `UPDATE=1` writes it. */
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { program } from '../../src/cli/program.js'
import { type Command, examplesOf } from '../../src/cli/verb.js'
import { cli } from './run.js'

const FILE = fileURLToPath(new URL('../../docs/tsoverlay.1', import.meta.url))

const root = program({ env: {}, out: () => {}, err: () => {} }, () => {})

function leavesOf(command: Command): readonly Command[] {
  return command.commands.length === 0 ? [command] : command.commands.flatMap(leavesOf)
}
const leaves = leavesOf(root).filter((verb) => !verb.name().startsWith('__'))

t.test('docs/tsoverlay.1 is what the verbs say of themselves', async (t) => {
  const { out } = await cli('/nowhere', 'man')
  if (process.env['UPDATE'] === '1') writeFileSync(FILE, out)
  t.ok(
    readFileSync(FILE, 'utf8') === out,
    'UPDATE=1 node --import tsx test/cli/man.test.ts writes it',
  )
})

t.test('groff reads it without a complaint, and every verb is in it', async (t) => {
  const { stdout, stderr, status } = spawnSync(
    'groff',
    ['-man', '-Tutf8', '-ww', '-P-cbou', FILE],
    {
      encoding: 'utf8',
    },
  )
  t.match({ status, stderr }, { status: 0, stderr: '' })
  const text = stdout.replace(/\s+/g, ' ')
  for (const verb of leaves) {
    t.match(text, verb.name())
    for (const [typed] of examplesOf(verb)) t.ok(text.includes(typed.replace(/\s+/g, ' ')), typed)
  }
  t.match(text, /EXIT STATUS 0 It is done/)
  const broken = spawnSync('groff', ['-man', '-Tutf8', '-ww'], {
    input: '.XX y\n',
    encoding: 'utf8',
  })
  t.match(broken.stderr, /XX/, 'it would complain')
})

t.test('every verb has examples, of itself', async (t) => {
  for (const verb of leaves) {
    const examples = examplesOf(verb)
    t.ok(examples.length > 0, `${verb.name()} has examples`)
    for (const [typed, why] of examples) {
      t.match(typed, /\btsoverlay [a-z]/, typed)
      t.match(typed, verb.name())
      t.match(why, /\w/)
    }
  }
})

t.test('the help of every verb shows them', async (t) => {
  for (const verb of leaves) {
    const { code, out } = await cli('/nowhere', ...lineOf(verb), '--help')
    t.equal(code, 0)
    t.match(out, /Examples:/)
  }
})

function lineOf(verb: Command): string[] {
  return verb.parent === null || verb.parent.parent === null
    ? [verb.name()]
    : [...lineOf(verb.parent), verb.name()]
}
