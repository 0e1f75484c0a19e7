/** `tsoverlay doctor` against a real admin socket over hosts in memory. */
import t, { type Test } from 'tap'
import { withoutColour } from '../../src/cli/colour.js'
import { findingsTable } from '../../src/cli/tables/findings.js'
import type { Finding } from '../../src/core/admin/doctor.js'
import { pairOfHosts } from '../admin/resources.js'
import { cli, listen } from './run.js'

async function clusterOfTwo(t: Test) {
  const { a, b } = await pairOfHosts(t)
  for (const host of [a, b]) await host.presence.start()
  return { a, b, socket: await listen(t, b) }
}

t.test('what has failed is shown with what mends it, and is an exit code', async (t) => {
  const { b, socket } = await clusterOfTwo(t)
  b.dataplane.onProbeSent = () => 'EPERM'
  const { code, out } = await cli(socket, 'doctor')
  t.equal(code, 3)
  t.match(
    out,
    /^failed {3}\S+ · tunnels · host \S+\n {9}this host's own firewall drops .*\n {9}→ iptables -I OUTPUT /m,
  )
  t.match(out, /^1 failed, 0 warning, \d+ ok on 1 host\n$/m)
  t.notMatch(out, /^ok /m, 'what is well is counted')
  t.match((await cli(socket, 'doctor', '--verbose')).out, /^ok {7}\S+ · kernel\n/m)
})

t.test('programs get all of it', async (t) => {
  const { a, b, socket } = await clusterOfTwo(t)
  for (const host of [a, b]) host.dataplane.lacking.set('tunnels (vxlan)', 'EOPNOTSUPP')
  const { code, out } = await cli(socket, 'doctor', '--all-hosts', '--json')
  t.equal(code, 3)
  const found = JSON.parse(out) as Finding[]
  const lacks = found.filter(({ name }) => name === 'kernel')
  t.equal(lacks.length, 2, 'both have looked')
  t.match(lacks[0], { verdict: 'failed', about: 'tunnels (vxlan)', mend: /^modprobe vxlan/ })
})

t.test('the table: the worst first, then by host', async (t) => {
  const one = { name: 'store', about: '', says: 'it is so', mend: '' }
  const table = findingsTable(
    [
      { ...one, host: 'h1', verdict: 'ok' },
      { ...one, host: 'h2', verdict: 'warning', mend: 'do that' },
      { ...one, host: 'h2', verdict: 'failed' },
      { ...one, host: 'h1', verdict: 'failed', about: 'etcd' },
    ],
    false,
  )
  t.equal(
    withoutColour(table),
    `failed   h1 · store · etcd
         it is so
failed   h2 · store
         it is so
warning  h2 · store
         it is so
         → do that
2 failed, 1 warning, 1 ok on 2 hosts
`,
  )
  t.equal(
    findingsTable([{ ...one, host: 'h1', verdict: 'ok' }], false),
    '0 failed, 0 warning, 1 ok on 1 host\n',
  )
})
