/** Two hosts whose probes go over a wire in memory. */
import t, { type Test } from 'tap'
import type { Probe } from '../../../src/core/probe.js'
import { until } from '../../fakes/until.js'
import { wiredHosts } from './wired-hosts.js'

const NEVER = new AbortController().signal

/** They, and what one has to reach the other. */
async function pair(t: Test) {
  const { a, b } = await wiredHosts(t)
  const [tunnel] = a.probes.tunnels()
  const there = a.peers.hosts().find(({ id }) => id === b.identity.id)
  if (tunnel === undefined || there === undefined) throw new Error('no tunnel')
  return { a, b, tunnel, there }
}

t.test('a host that listens answers', async (t) => {
  const { a, b, tunnel, there } = await pair(t)
  t.match(tunnel, { dev: 'vxlan0', mtu: 1450 })
  const asked = await a.inquiries.ask(b.identity.id, 'reflect', { forMs: 10_000 })
  t.same(asked.networks, [tunnel.network])
  const probed = await a.probes.probe(tunnel, there, 1_450, NEVER)
  t.match(probed, { size: 1_450, answered: true })
  t.equal(a.dataplane.probes.length, 1, 'one was enough')
  t.match(a.dataplane.probes, [
    [{ kind: 'ask', vni: tunnel.vni, from: '192.0.2.1' }, { vtep: '192.0.2.2' }],
  ])
  t.match(b.dataplane.probes, [[{ kind: 'answer', mark: probed.mark, from: '192.0.2.2' }]])
})

t.test('a host that does not listen does not, and says so', async (t) => {
  const { a, b, tunnel, there } = await pair(t)
  const { mark, answered } = await a.probes.probe(tunnel, there, 64, NEVER)
  t.equal(answered, false)
  t.equal(a.dataplane.probes.length, 3, 'it was tried three times')
  const question = { network: tunnel.network, marks: [mark] }
  const said = await a.inquiries.ask(b.identity.id, 'heard', question)
  t.match(said, { listens: false, heard: [], mtu: 1500 })
})

t.test('a direction that is blocked shows in what was heard', async (t) => {
  const { a, b, tunnel, there } = await pair(t)
  await a.inquiries.ask(b.identity.id, 'reflect', { forMs: 10_000 })
  b.dataplane.onProbeSent = () => undefined
  const { mark, answered } = await a.probes.probe(tunnel, there, 64, NEVER)
  t.equal(answered, false)
  const question = { network: tunnel.network, marks: [mark, 'ffffffffffffffff'] }
  t.match(await a.inquiries.ask(b.identity.id, 'heard', question), { listens: true, heard: [mark] })
})

t.test('what is not even sent says why', async (t) => {
  const { a, tunnel, there } = await pair(t)
  a.dataplane.onProbeSent = () => 'EPERM'
  t.match(await a.probes.probe(tunnel, there, 64, NEVER), { answered: false, refused: 'EPERM' })
})

t.test('nobody but a host is answered', async (t) => {
  const { b, tunnel } = await pair(t)
  b.probes.listen(10_000)
  const probe: Probe = {
    kind: 'ask',
    mark: '0000000000000001',
    vni: tunnel.vni,
    from: '203.0.113.7' as never,
    size: 64,
  }
  for (const hear of b.dataplane.ears.values()) hear(probe)
  t.same(b.dataplane.probes, [])
})

t.test('listening ends', async (t) => {
  const { b } = await pair(t)
  t.equal(b.probes.listen(30).length, 1)
  t.equal(b.dataplane.ears.size, 1)
  await until('nobody hears any more', () => b.dataplane.ears.size === 0)
})
