/** Routed networks on two hosts: blocks as peers, what Join says, and that a container is nobody else's news. */
import t from 'tap'
import { planText } from '../fakes/plan-text.js'
import { until } from '../fakes/until.js'
import { idOf, twoHosts } from './host.js'

const A = idOf('gw on a')
const B = idOf('gw on b')
const WEB = idOf('web')
const DB = idOf('db')
const MORE = idOf('more')
const OPTIONS = { subnet: '10.20.0.0/16', options: { backend: 'vxlan', dns: 'off' } }

t.test(
  'a route, a neighbour and an FDB entry a host, and none for further containers',
  async (t) => {
    const { a, b } = await twoHosts(t)
    await a.docker.createNetwork(A, OPTIONS)
    await b.docker.createNetwork(B, OPTIONS)
    t.equal(await a.docker.run(A, WEB), '10.20.0.2/24')
    t.equal(await b.docker.run(B, DB), '10.20.1.2/24')
    const picture = (): string => (b.dataplane.host === undefined ? '' : planText(b.dataplane.host))
    await until('b has the way to a', () => picture().includes('route 10.20.0.0/24'))
    t.match(picture(), 'route 10.20.0.0/24 via 10.20.0.0 dev tsv-256 onlink')
    t.match(picture(), 'blackhole 10.20.1.0/24')
    t.match(picture(), /neighbour tsv-256 10\.20\.0\.0 /)
    t.match(picture(), /fdb tsv-256 \S+ dst 192\.0\.2\.1/)
    t.same([...b.dataplane.sandboxes], [], 'no sandbox')
    const before = picture()
    const passes = b.reconciler.counters.passes
    await a.docker.run(A, MORE)
    await until('a has it', () => planText(a.dataplane.host as never).includes(MORE.slice(0, 11)))
    t.equal(picture(), before)
    t.equal(b.reconciler.counters.passes, passes, 'b was not told of it')
  },
)

t.test(
  'without its containers nothing of a network is in the host’s namespace but its blocks',
  async (t) => {
    const { a } = await twoHosts(t)
    await a.docker.createNetwork(A, OPTIONS)
    const address = await a.docker.run(A, WEB)
    await a.docker.stop(A, WEB, address)
    const links = () => a.dataplane.host?.links.map(({ name }) => name)
    await until('its links are gone', () => links()?.length === 0)
    await a.docker.removeNetwork(A)
    await until('its blackhole is gone', () => [...(a.dataplane.host?.routes ?? [])].length === 0)
  },
)
