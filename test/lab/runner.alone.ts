/**
 * The runner on real files. Alone, as the tap that it starts clears a folder (`.tap`) into which the
 * tests beside it write.
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

t.test('the runner counts real files: good, failing, crashing, empty, skipped', async (t) => {
  mkdirSync(join(ROOT, 'build'), { recursive: true })
  const directory = mkdtempSync(join(ROOT, 'build/tap-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  const files: Record<string, string> = {
    good: "import t from 'tap'\nt.test('fine', async (t) => { t.ok(1) })",
    failing: "import t from 'tap'\nt.test('wrong', async (t) => { t.equal(1, 2, 'sums') })",
    crashing: "throw new Error('at load')",
    empty: 'export {}',
    skipped: "import t from 'tap'\nt.test('not here', { skip: 'no root' }, async () => {})",
  }
  for (const [name, text] of Object.entries(files)) {
    writeFileSync(join(directory, `${name}.try.ts`), text)
  }
  const glob = `unit=${relative(ROOT, directory)}/*.try.ts`
  const all = runner(glob)
  t.equal(all.lastLine, '1 passed, 3 failed, 1 skipped')
  t.equal(all.status, 1)
  t.match(all.stdout, /✗ .*failing\.try\.ts\n {2}wrong\nsums\n/)
  const good = runner(glob.replace('*', '{good,skipped}'))
  t.equal(good.lastLine, '1 passed, 0 failed, 1 skipped')
  t.equal(good.status, 0)
  const none = runner(glob.replace('*', 'nothing'))
  t.equal(none.lastLine, '0 passed, 0 failed, 0 skipped')
  t.equal(none.status, 1)
})

function runner(...groups: string[]) {
  const env = Object.fromEntries(Object.entries(process.env).filter(([key]) => !/^_?TAP/.test(key)))
  const argv = ['--import', 'tsx', 'test/run.ts', ...groups]
  const { status, stdout } = spawnSync(process.execPath, argv, { cwd: ROOT, env, encoding: 'utf8' })
  return { status, stdout, lastLine: stdout.trimEnd().split('\n').at(-1) }
}
