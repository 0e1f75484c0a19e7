import t from 'tap'
import { until } from '../../fakes/until.js'
import { host } from '../host.js'

t.test('a host is reached only while the store has its announcement', async (t) => {
  const a = await host(t)
  t.equal(a.status().store.reached, false, 'nothing was tried yet')
  a.store.unavailable = true
  await a.presence.start()
  t.equal(a.status().store.reached, false)
  t.equal(a.logger.count('store not reached'), 1)
  a.store.unavailable = false
  await until('it is announced', () => a.status().store.reached)
  t.same(await a.store.keys('/alive/'), [`/alive/${a.identity.id}`])
  t.equal(a.logger.count('store reached again'), 1)
  a.store.expireLeases()
  t.same(await a.store.keys('/alive/'), [])
  await until('it is announced again', async () => (await a.store.keys('/alive/')).length === 1)
  await a.close()
  t.same(await a.store.keys('/alive/'), [])
})
