/** Nothing jumps: places that stay, and the two layouts made with them. */
import t from 'tap'
import { BusLayout } from '../../src/ui/map/bus-layout.js'
import { type Box, neighbour, type Shape } from '../../src/ui/map/shape.js'
import { TileLayout } from '../../src/ui/map/tile-layout.js'
import { clusterOf } from '../../src/ui/model/cluster.js'
import { HighWater, Slots } from '../../src/ui/model/slots.js'
import { endpointReport, hostReport, listings } from './listings.js'

t.test('who is there keeps its place; who is new takes the first that is free', async (t) => {
  const slots = new Slots()
  t.strictSame([...slots.place(['a', 'b', 'c'])], Object.entries({ a: 0, b: 1, c: 2 }))
  t.strictSame([...slots.place(['c', '0', 'a', '9'])].sort(), [
    ['0', 1],
    ['9', 3],
    ['a', 0],
    ['c', 2],
  ])
  t.equal(slots.place([]).size, 0)
  t.equal(slots.place(['b']).get('b'), 0)
})

t.test('a mark only rises', async (t) => {
  const marks = new HighWater()
  t.strictSame(
    [marks.of('a', 3), marks.of('a', 1), marks.of('b', 1), marks.of('a', 5)],
    [3, 3, 1, 5],
  )
})

const HOSTS = ['a', 'b', 'c'].map((id) => hostReport(id))
const each = (count: number, host: string) =>
  Array.from({ length: count }, (_, at) => endpointReport(`${host}${at}`, host))
const boxes = (shapes: readonly Shape[]) => new Map(shapes.map(({ id, box }) => [id, box]))

function overlap(a: Box, b: Box): boolean {
  return a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h
}

for (const count of [0, 3, 12, 30, 400]) {
  t.test(`few hosts, ${count} endpoints of each: no two in one place`, async (t) => {
    const endpoints = HOSTS.flatMap(({ id }) => each(count, id))
    const { shapes, width, height } = new BusLayout().of(
      clusterOf(listings({ hosts: HOSTS, endpoints })),
      1_000,
    )
    t.ok(shapes.every(({ box: { x, y, w, h } }) => x >= 0 && x + w <= width && y + h <= height))
    const touching = shapes.flatMap((a, at) =>
      shapes.slice(at + 1).filter((b) => overlap(a.box, b.box)),
    )
    t.strictSame(touching, [])
    t.equal(new Set(shapes.map(({ id }) => id)).size, shapes.length)
    const drawn = shapes.filter(({ kind }) => kind === 'endpoint').length
    t.equal(drawn, count === 400 ? 0 : 3 * count, 'too many are a group')
  })
}

t.test('few hosts: what stays is where it was when another comes or goes', async (t) => {
  const layout = new BusLayout()
  const of = (endpoints: ReturnType<typeof each>) =>
    boxes(layout.of(clusterOf(listings({ hosts: HOSTS, endpoints })), 1_000).shapes)
  const before = of([...each(3, 'b'), ...each(2, 'c')])
  const more = of([endpointReport('a-first', 'b'), ...each(3, 'b'), ...each(2, 'c')])
  for (const [id, box] of before) t.strictSame(more.get(id), box, id)
  const fewer = of([...each(3, 'b').slice(1), ...each(2, 'c')])
  for (const [id, box] of fewer) t.strictSame(before.get(id), box, id)
})

t.test('many hosts: tiles of one size, which stay', async (t) => {
  const layout = new TileLayout()
  const hosts = Array.from({ length: 200 }, (_, at) => hostReport(`node-${at}`))
  const of = (some: typeof hosts) => layout.of(clusterOf(listings({ hosts: some })), 1_000)
  const { shapes, width } = of(hosts)
  t.equal(shapes.length, 200)
  t.equal(new Set(shapes.map(({ box }) => `${box.w} ${box.h}`)).size, 1)
  t.equal(new Set(shapes.map(({ box }) => `${box.x} ${box.y}`)).size, 200)
  t.ok(shapes.every(({ box }) => box.x + box.w <= width + 0.001))
  const before = boxes(shapes)
  const fewer = of(hosts.filter((_, at) => at % 3 !== 0))
  for (const { id, box } of fewer.shapes) t.strictSame(box, before.get(id), id)
})

t.test('an arrow key goes to what is next in its direction, and stays at the edge', async (t) => {
  const hosts = Array.from({ length: 9 }, (_, at) => hostReport(`node-${at}`))
  const { shapes } = new TileLayout().of(clusterOf(listings({ hosts })), 380)
  const first = shapes[0]
  if (first === undefined) throw new Error('no tile')
  const to = (dx: number, dy: number) => neighbour(shapes, first, dx, dy)?.id
  t.equal(to(1, 0), 'host node-1')
  t.equal(to(0, 1), 'host node-3')
  t.equal(to(-1, 0), undefined)
  t.equal(to(0, -1), undefined)
})
