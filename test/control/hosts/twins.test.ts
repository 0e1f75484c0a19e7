import t from 'tap'
import { Twins } from '../../../src/control/hosts/twins.js'
import { Problems } from '../../../src/control/troubles/problems.js'
import type { Ip } from '../../../src/core/ip.js'
import { RecordingLogger } from '../../fakes/recording-logger.js'

const vtep = '192.0.2.1' as Ip
const own = { id: 'a', name: 'h1', boot: 'b1', vtep }

function made() {
  const problems = new Problems(new RecordingLogger())
  let published = 0
  const publish = (): void => {
    published += 1
  }
  const twins = new Twins({ identity: own, vtep: { current: vtep }, problems, publish })
  const parts = () => problems.list().map(({ part, about }) => `${part}: ${about}`)
  return { twins, parts, published: () => published }
}

t.test('a host with the same underlay address is told of until it has another', async (t) => {
  const { twins, parts } = made()
  t.teardown(() => twins.close())
  twins.look([own, { ...own, id: 'b', name: 'h2' }])
  t.same(parts(), ['hosts: host h2'])
  twins.look([own, { ...own, id: 'b', name: 'h2', vtep: '192.0.2.2' as Ip }])
  t.same(parts(), [])
})

t.test('a record that another boot wrote is put right and told of', async (t) => {
  const { twins, parts, published } = made()
  t.teardown(() => twins.close())
  twins.look([{ ...own, boot: 'b0' }])
  t.equal(published(), 0, 'that of the boot before is not overwritten')
  twins.look([own])
  twins.look([{ ...own, boot: 'b2' }])
  t.equal(published(), 1)
  twins.look([own])
  t.equal(published(), 1)
  t.same(parts(), ['identity: host h1'])
})
