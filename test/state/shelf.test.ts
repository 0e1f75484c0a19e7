import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { documents, type PoolHold } from '../../src/state/documents.js'
import { Journal } from '../../src/state/journal.js'
import { Shelf } from '../../src/state/shelf.js'
import { RecordingLogger } from '../fakes/recording-logger.js'

function open(dir: string) {
  const logger = new RecordingLogger()
  const shelf = new Shelf({ dir, codec: documents.poolHold, idOf: (hold) => hold.id, logger })
  return { shelf, logger }
}
const hold = (id: string): PoolHold => ({ id, space: '', pool: '10.20.0.0/16' as PoolHold['pool'] })

t.test('what was put is there after a restart, what was deleted is not', async (t) => {
  const dir = `${t.testdir()}/shelf`
  const { shelf } = open(dir)
  const odd = `a|b/../c|${'x'.repeat(500)}`
  for (const id of ['one', 'two', odd]) shelf.put(hold(id))
  shelf.put({ ...hold('one'), boundTo: 'n' })
  shelf.delete('two')
  shelf.delete('never there')
  for (const each of [shelf, open(dir).shelf]) {
    t.same([...each.values()].map(({ id }) => id).sort(), [odd, 'one'].sort())
    t.equal(each.get('one')?.boundTo, 'n')
    t.equal(each.get('two'), undefined)
  }
})

t.test('a file that cannot be read is dropped and logged, the others stay', async (t) => {
  const dir = t.testdir()
  open(dir).shelf.put(hold('one'))
  const [name = ''] = readdirSync(dir)
  const text = readFileSync(`${dir}/${name}`, 'utf8')
  writeFileSync(`${dir}/${'a'.repeat(32)}.json`, text.slice(0, 20))
  writeFileSync(`${dir}/${'b'.repeat(32)}.json.new`, text)
  writeFileSync(`${dir}/${'c'.repeat(32)}.json`, '{"id":"x","space":"","pool":"10.20.0.0"}')
  const { shelf, logger } = open(dir)
  t.same([...shelf.values()], [hold('one')])
  t.equal(logger.count('unreadable file in the journal dropped'), 3)
  t.same(readdirSync(dir), [name])
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
