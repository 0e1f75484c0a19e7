import fc from 'fast-check'
import t from 'tap'
import { DeltaTracker } from '../../src/dataplane/tables/delta.js'

const same = (a: number, b: number): boolean => a === b
const table = fc
  .array(fc.tuple(fc.integer({ min: 0, max: 9 }), fc.integer({ min: 0, max: 3 })))
  .map((rows) => new Map(rows))
const asObject = (map: ReadonlyMap<number, number>) => Object.fromEntries([...map].sort())

t.test('doing all updates and deletions makes installed equal desired', async () => {
  fc.assert(
    fc.property(table, table, (desired, installed) => {
      const tracker = new DeltaTracker<number, number>(same)
      const kernel = new Map(installed)
      tracker.setInstalled(installed)
      tracker.setDesired(desired)
      for (const [key, value] of tracker.updates()) {
        kernel.set(key, value)
        tracker.wrote(key, value)
      }
      for (const [key] of tracker.deletions()) {
        kernel.delete(key)
        tracker.removed(key)
      }
      t.same(asObject(kernel), asObject(desired))
      return tracker.inSync
    }),
  )
})

t.test('nothing is written that is as desired already', async () => {
  fc.assert(
    fc.property(table, table, (desired, installed) => {
      const tracker = new DeltaTracker<number, number>(same)
      tracker.setDesired(desired)
      tracker.setInstalled(installed)
      const updates = tracker.updates().every(([key, value]) => installed.get(key) !== value)
      return updates && tracker.deletions().every(([key]) => !desired.has(key))
    }),
  )
})

t.test('an update or deletion that failed stays to be done', async () => {
  fc.assert(
    fc.property(table, table, fc.nat(9), (desired, installed, failing) => {
      const tracker = new DeltaTracker<number, number>(same)
      tracker.setInstalled(installed)
      tracker.setDesired(desired)
      for (const [key, value] of tracker.updates()) if (key !== failing) tracker.wrote(key, value)
      for (const [key] of tracker.deletions()) if (key !== failing) tracker.removed(key)
      const left = [...tracker.updates(), ...tracker.deletions()].map(([key]) => key)
      t.same(left, desired.get(failing) === installed.get(failing) ? [] : [failing])
      t.equal(tracker.inSync, left.length === 0)
    }),
  )
})

t.test('drift counts what was installed and is missing or changed, not what is new', async (t) => {
  const tracker = new DeltaTracker<number, number>(same)
  t.equal(tracker.setInstalled(new Map([[1, 1]])), 0)
  tracker.wrote(2, 2)
  tracker.wrote(3, 3)
  const read = new Map([
    [1, 1],
    [3, 4],
    [5, 5],
  ])
  t.equal(tracker.setInstalled(read), 2)
  t.equal(tracker.setInstalled(read), 0)
})

t.test('forgotten entries are to be written again and are no drift', async (t) => {
  const tracker = new DeltaTracker<number, number>(same)
  tracker.setDesired(new Map([[1, 7]]))
  tracker.wrote(1, 7)
  tracker.forget((value) => value === 7)
  t.same(tracker.updates(), [[1, 7]])
  t.equal(tracker.setInstalled(new Map()), 0)
})
