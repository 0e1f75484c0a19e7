/** Every command of the README that is typed in the project. They build the plugin and have a lab of their own. */
import { readFileSync } from 'node:fs'
import t from 'tap'
import { run } from '../lab/exec.js'
import { piecesOf } from './console.js'

const PAGE = readFileSync(new URL('../../README.md', import.meta.url), 'utf8')

t.test('each command that is typed in the project', async (t) => {
  const commands = piecesOf(PAGE).filter((piece) => piece.do === 'run')
  const lines = commands.filter(({ host }) => host === undefined).map(({ line }) => line)
  t.ok(lines.includes('make test'))
  for (const line of lines) {
    // This test is part of `make test`: of that, only that it is a target.
    const argv = ['sh', '-c', line === 'make test' ? `${line} -n` : line]
    const { code, stderr, stdout } = await run(argv, { check: false, timeoutMs: 600_000 })
    t.equal(code, 0, line, { stdout: stdout.slice(-2_000), stderr })
  }
})
