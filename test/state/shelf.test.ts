import {
  appendFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import t from 'tap'
import { documents, type PoolHold } from '../../src/state/documents.js'
import { Journal } from '../../src/state/journal.js'
import { Shelf } from '../../src/state/shelf.js'
import { RecordingLogger } from '../fakes/recording-logger.js'

function open(path: string) {
  const logger = new RecordingLogger()
  const shelf = new Shelf({ path, codec: documents.poolHold, idOf: (hold) => hold.id, logger })
  return { shelf, logger }
}
const hold = (id: string): PoolHold => ({ id, space: '', pool: '10.20.0.0/16' as PoolHold['pool'] })
const ids = (shelf: Shelf<PoolHold>): string[] => [...shelf.values()].map(({ id }) => id).sort()

t.test('what was put is there after a restart, what was deleted is not', async (t) => {
  const path = `${t.testdir()}/deep/shelf`
  const { shelf } = open(path)
  const odd = `a|b/../c|\n${'x'.repeat(500)}`
  for (const id of ['one', 'two', odd]) shelf.put(hold(id))
  shelf.put({ ...hold('one'), boundTo: 'n' })
  shelf.delete('two')
  shelf.delete('never there')
  for (const each of [shelf, open(path).shelf, open(path).shelf]) {
    t.same(ids(each), [odd, 'one'].sort())
    t.equal(each.get('one')?.boundTo, 'n')
    t.equal(each.get('two'), undefined)
  }
  t.equal(statSync(path).mode & 0o777, 0o600)
})

t.test('a crash at any byte of a write loses that write and nothing else', async (t) => {
  const path = `${t.testdir()}/shelf`
  open(path).shelf.put(hold('one'))
  const before = readFileSync(path, 'utf8')
  open(path).shelf.put(hold('two'))
  const after = readFileSync(path, 'utf8')
  for (let size = before.length; size < after.length - 1; size += 1) {
    writeFileSync(path, after.slice(0, size))
    const { shelf, logger } = open(path)
    t.same(ids(shelf), ['one'])
    t.equal(logger.count('unreadable lines in the journal dropped'), size > before.length ? 1 : 0)
    shelf.put(hold('three'))
    t.same(ids(open(path).shelf), ['one', 'three'], 'the next write stands on a line of its own')
  }
})

t.test('lines that cannot be read are dropped and logged, the others stay', async (t) => {
  const path = `${t.testdir()}/shelf`
  open(path).shelf.put(hold('one'))
  appendFileSync(path, '\0\0\0\0\n+{"id":"x","space":"","pool":"10.20.0.0"}\n-{\nnonsense\n')
  appendFileSync(path, `+${JSON.stringify(hold('two'))}\n`)
  const { shelf, logger } = open(path)
  t.same(ids(shelf), ['one', 'two'])
  t.equal(logger.count('unreadable lines in the journal dropped'), 1)
  t.equal(open(path).logger.count('unreadable lines in the journal dropped'), 0, 'they are gone')
})

t.test('the file does not grow with the number of changes', async (t) => {
  const dir = t.testdir()
  const { shelf } = open(`${dir}/shelf`)
  let largest = 0
  for (let round = 0; round < 10_000; round += 1) {
    shelf.put({ ...hold(`id ${round % 10}`), boundTo: `${round}` })
    if (round % 50 === 0) largest = Math.max(largest, statSync(`${dir}/shelf`).size)
  }
  t.ok(largest > 200_000 && largest < 300_000, `${largest} bytes`)
  t.same(readdirSync(dir), ['shelf'])
  t.same([...open(`${dir}/shelf`).shelf.values()], [...shelf.values()])
})

t.test('a write that fails changes nothing', async (t) => {
  const path = `${t.testdir()}/shelf`
  const { shelf } = open(path)
  shelf.put(hold('one'))
  rmSync(path)
  mkdirSync(path)
  t.throws(() => shelf.put(hold('two')), { code: 'EISDIR' })
  t.throws(() => shelf.delete('one'), { code: 'EISDIR' })
  t.same(ids(shelf), ['one'])
})

t.test('a file that cannot be written anew goes on from its last whole line', async (t) => {
  const path = `${t.testdir()}/shelf`
  open(path).shelf.put(hold('one'))
  appendFileSync(path, '+{"id":"to')
  mkdirSync(`${path}.new`)
  const { shelf, logger } = open(path)
  t.equal(logger.count('journal not written anew, it grows'), 1)
  shelf.put(hold('two'))
  rmSync(`${path}.new`, { recursive: true })
  t.same(ids(open(path).shelf), ['one', 'two'])
})

t.test('the journal finds bindings by key and endpoints by network', async (t) => {
  const journal = new Journal(t.testdir(), new RecordingLogger())
  const base = { identity: 'x', space: '', backend: 'overlay', segments: [], internal: false }
  const network = { ...base, key: 'k' }
  journal.bindings.put({ dockerNetwork: 'd', ipam: 'docker', network })
  t.equal(journal.bindingOf('k')?.dockerNetwork, 'd')
  t.equal(journal.bindingOf('other'), undefined)
  t.same(journal.endpointsOf('d'), [])
})
