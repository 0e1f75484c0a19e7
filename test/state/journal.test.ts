import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { Cidr } from '../../src/core/ip.js'
import { Journal } from '../../src/state/journal.js'
import { RecordingLogger } from '../fakes/recording-logger.js'

const hold = (id: string) => ({ id, space: '', pool: '10.20.0.0/16' as Cidr })

function folders(t: { testdir(): string }) {
  const root = t.testdir()
  const [data, run] = [join(root, 'data/journal'), join(root, 'run/journal')]
  const open = () => new Journal(data, new RecordingLogger(), run)
  const ids = () => [...open().pools.values()].map(({ id }) => id).sort()
  return { data, run, open, ids }
}

t.test('a plugin without its data folder takes up what the one before it left', async (t) => {
  const { data, open, ids } = folders(t)
  const before = open()
  before.pools.put(hold('a'))
  before.pools.put(hold('b'))
  before.pools.delete('a')
  rmSync(data, { recursive: true })
  t.same(ids(), ['b'])
  t.same(ids(), ['b'], 'and has it in its own folder now')
})

t.test('a reboot empties the copy only, which is then made anew', async (t) => {
  const { data, run, open, ids } = folders(t)
  open().pools.put(hold('a'))
  rmSync(run, { recursive: true })
  t.same(ids(), ['a'])
  rmSync(data, { recursive: true })
  t.same(ids(), ['a'])
})

t.test('the own folder counts where a crash has left the two apart', async (t) => {
  const { data, run, open, ids } = folders(t)
  open().pools.put(hold('a'))
  const apart = new Journal(data, new RecordingLogger())
  apart.pools.put(hold('b'))
  apart.pools.delete('a')
  t.same(ids(), ['b'])
  t.equal(readFileSync(join(run, 'pools.jsonl'), 'utf8').split('\n').length, 2, 'one line')
})

t.test('neither folder there is an empty journal', async (t) => {
  t.same(folders(t).ids(), [])
})
