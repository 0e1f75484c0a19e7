/** Which packets a path lets through, as echo requests tell. */
import t from 'tap'
import { findPathMtu } from '../../../src/control/underlay/path-search.js'

const ETHERNET = { least: 576, most: 1_500 }

/** A path that lets packets up to a size through. */
function path(limit: number) {
  const sent: number[] = []
  const echo = async (size: number, count: number): Promise<number> => {
    sent.push(size)
    return size <= limit ? count : 0
  }
  return { sent, echo }
}

t.test('a path that is well costs one packet', async (t) => {
  const { sent, echo } = path(9_000)
  t.equal(await findPathMtu(echo, ETHERNET), 1_500)
  t.same(sent, [1_500])
})

t.test('the largest that passes is found', async (t) => {
  for (const limit of [1_499, 1_450, 1_400, 1_280, 600, 577, 576])
    t.equal(await findPathMtu(path(limit).echo, ETHERNET), limit)
  t.equal(await findPathMtu(path(1_472).echo, { least: 1_280, most: 9_000 }), 1_472)
})

t.test('silence says nothing', async (t) => {
  t.equal(await findPathMtu(path(0).echo, ETHERNET), undefined)
  t.equal(await findPathMtu(async () => undefined, ETHERNET), undefined)
})

t.test('packets that get lost now and then say nothing', async (t) => {
  let turn = 0
  const echo = async (): Promise<number> => {
    turn += 1
    return turn % 4 === 1 ? 0 : 1
  }
  t.equal(await findPathMtu(echo, ETHERNET), 1_500)
})

t.test('a path that was full for a while is not narrow', async (t) => {
  let turn = 0
  const echo = async (size: number, count: number): Promise<number> => {
    turn += 1
    return size < 1_400 || turn > 16 ? count : 0
  }
  t.equal(await findPathMtu(echo, ETHERNET), undefined)
})

t.test('an interface without room for less has nothing to be looked for', async (t) => {
  const { sent, echo } = path(9_000)
  t.equal(await findPathMtu(echo, { least: 1_280, most: 1_280 }), undefined)
  t.same(sent, [])
})
