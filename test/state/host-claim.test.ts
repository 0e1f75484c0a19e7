import t from 'tap'
import { FencedStore } from '../../src/state/fenced-store.js'
import { HostClaim, judge, type Machine } from '../../src/state/host-claim.js'
import { keys } from '../../src/state/keys.js'
import { MemoryStore } from '../fakes/memory-store.js'

const at = (boot: string, ...marks: string[]): Machine => ({ boot, marks })
const self = at('b2', '10.0.0.1', 'mac1')
const none = { alive: undefined, wroteAgain: false }

t.test('who has the id', async (t) => {
  const cases = [
    ['nobody wrote', { self, gate: undefined, ...none }, 'ours'],
    ['this boot wrote', { self, gate: at('b2'), alive: 'b2', wroteAgain: false }, 'ours'],
    [
      'rebooted a moment ago',
      { self, gate: at('b1', 'mac1'), alive: 'b1', wroteAgain: false },
      'ours',
    ],
    ['another version wrote', { self, gate: at('b1'), alive: 'b1', wroteAgain: false }, 'ours'],
    [
      'another machine runs',
      { self, gate: at('b1', 'mac9'), alive: 'b1', wroteAgain: false },
      'foreign',
    ],
    ['another machine ran', { self, gate: at('b1', 'mac9'), ...none }, 'unsure'],
    [
      'its twin writes again',
      { self, gate: at('b1', 'mac1'), alive: 'b1', wroteAgain: true },
      'foreign',
    ],
    [
      'no underlay yet',
      { self: at('b2'), gate: at('b1', 'mac1'), alive: 'b1', wroteAgain: false },
      'unknown',
    ],
    ['no underlay, nobody alive', { self: at('b2'), gate: at('b1', 'mac1'), ...none }, 'ours'],
  ] as const
  for (const [name, evidence, verdict] of cases) t.equal(judge(evidence), verdict, name)
})

/** A plugin on a machine, with the id `h`. */
function machine(store: MemoryStore, boot: string, ...marks: string[]) {
  const foreign: Machine[] = []
  const claim = new HostClaim({
    host: 'h',
    boot,
    marks: async () => marks,
    onForeign: (by) => foreign.push(by),
    confirmMs: 20,
  })
  const fenced = new FencedStore(store, keys.hostGate('h'), boot, claim)
  const announce = () => fenced.txn([], [{ put: keys.alive('h'), value: JSON.stringify({ boot }) }])
  return { fenced, foreign, announce }
}

const write = [{ put: '/k', value: 'v' }]

t.test('a copy that comes second writes nothing, the first goes on', async (t) => {
  const store = new MemoryStore()
  const first = machine(store, 'b1', 'mac1')
  await first.announce()
  const copy = machine(store, 'b2', 'mac2')
  await t.rejects(copy.fenced.txn([], write), { code: 'HOST_CLONED' })
  t.equal(copy.foreign.length, 1)
  t.ok((await first.fenced.txn([], write)).done)
  t.same(first.foreign, [])
})

t.test('of copies that start at once, nobody alive, one gets it', async (t) => {
  const store = new MemoryStore()
  await machine(store, 'b0', 'mac0').fenced.open()
  const copies = ['1', '2', '3'].map((n) => machine(store, `b${n}`, `mac${n}`))
  const outcomes = await Promise.allSettled(copies.map((copy) => copy.announce()))
  t.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 1)
  t.equal(copies.filter(({ foreign }) => foreign.length > 0).length, 2)
})

t.test('a reboot keeps the id, whatever is still announced', async (t) => {
  const store = new MemoryStore()
  await machine(store, 'b1', '10.0.0.1', 'mac1').announce()
  const again = machine(store, 'b2', '10.0.0.9', 'mac1')
  t.ok((await again.announce()).done)
  t.same(again.foreign, [])
})

t.test('machines that look alike: the one that came later finds out', async (t) => {
  const store = new MemoryStore()
  const first = machine(store, 'b1', '10.0.0.1')
  await first.announce()
  const copy = machine(store, 'b2', '10.0.0.1')
  await copy.announce()
  await first.announce()
  await t.rejects(copy.announce(), { code: 'HOST_CLONED' })
  t.same(first.foreign, [])
})
