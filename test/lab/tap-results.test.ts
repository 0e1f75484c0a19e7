import { fileURLToPath } from 'node:url'
import t from 'tap'
import { filesOf } from './glob.js'
import { countTap, type FileResult } from './tap-results.js'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

function count(tap: string): FileResult[] {
  const results: FileResult[] = []
  countTap((result) => results.push(result)).end(`TAP version 14\n${tap}`)
  return results
}

t.test('tests at the top level of a file are counted, not their assertions', async (t) => {
  const [result] = count(`# Subtest: a.test.ts
    # Subtest: adds
        ok 1 - one
        # Subtest: inner
            ok 1 - two
            1..1
        ok 2 - inner
        1..2
    ok 1 - adds
    ok 2 - bare assertion
    1..2
ok 1 - a.test.ts # time=12.5ms
1..1
`)
  t.same(result, {
    file: 'a.test.ts',
    passed: 2,
    skipped: 0,
    failures: [],
    milliseconds: 12.5,
  })
})

t.test('a test with failures is one failure that names each assertion', async (t) => {
  const [result] = count(`# Subtest: a.test.ts
    # Subtest: outer
        not ok 1 - first
          ---
          diff: |
            -2
            +1
          at:
            fileName: a.test.ts
            lineNumber: 3
          ...
        # Subtest: inner
            not ok 1 - second
            1..1
        not ok 2 - inner
        1..2
    not ok 1 - outer
    1..1
not ok 1 - a.test.ts
1..1
`)
  t.equal(result?.failures.length, 1)
  t.equal(result?.failures[0]?.name, 'outer')
  t.match(result?.failures[0]?.detail, /^first\n {2}at a.test.ts:3\n {2}diff: \n {4}-2\n {4}\+1\n/)
  t.match(result?.failures[0]?.detail, /inner > second/)
})

t.test('skips are skipped, also where a test does nothing but skip; todo is failed', async (t) => {
  const [result] = count(`# Subtest: a.test.ts
    ok 1 - marked # SKIP no root
    # Subtest: inside
        ok 1 - needs NET_ADMIN # SKIP
        1..1
    ok 2 - inside
    # Subtest: partly
        ok 1 - needs NET_ADMIN # SKIP
        ok 2 - the rest
        1..2
    ok 3 - partly
    ok 4 - later # TODO
    1..4
ok 1 - a.test.ts
1..1
`)
  t.match(result, { passed: 1, skipped: 2, failures: [{ name: 'later', detail: 'marked todo' }] })
})

t.test('a file that breaks off after good tests is failed', async (t) => {
  const [result] = count(`# Subtest: a.test.ts
    ok 1 - fine
    1..1
not ok 1 - a.test.ts
  ---
  exitCode: 3
  ...
1..1
`)
  t.match(result, { passed: 1, failures: [{ name: '(the file)', detail: /exitCode: 3/ }] })
})

t.test('a file without tests is failed, unless it says why', async (t) => {
  const results = count(`# Subtest: a.test.ts
    1..0 # no tests found
ok 1 - a.test.ts # SKIP no tests found
# Subtest: b.test.ts
    1..0 # needs root
ok 2 - b.test.ts # SKIP needs root
# Subtest: c.test.ts
    1..0
ok 3 - c.test.ts
1..3
`)
  t.match(results, [
    { passed: 0, skipped: 0, failures: [{ detail: 'no tests found' }] },
    { passed: 0, skipped: 1, failures: [] },
    { passed: 0, skipped: 0, failures: [{ detail: 'no tests found' }] },
  ])
})

t.test('a bail-out is a failure', async (t) => {
  t.match(count('Bail out! no kernel\n'), [{ failures: [{ detail: /no kernel/ }] }])
})

t.test('patterns name files as a shell would', async (t) => {
  t.same(filesOf('test/lab/{cli,glob}.ts', ROOT), ['test/lab/cli.ts', 'test/lab/glob.ts'])
  t.ok(filesOf('test/**/*.e2e.ts', ROOT).includes('test/e2e/lab.e2e.ts'))
  t.same(filesOf('test/*.e2e.ts', ROOT), [])
  t.same(filesOf('nowhere/*.ts', ROOT), [])
})
