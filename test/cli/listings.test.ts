/** What people read. */
import t from 'tap'
import { withoutColour } from '../../src/cli/colour.js'
import { statusText } from '../../src/cli/tables/listings.js'
import type { StatusReport } from '../../src/core/admin/status.js'
import type { HostId } from '../../src/core/types.js'

const NETWORK = {
  id: 'd0c4e7aa11bb22cc',
  key: 'k',
  backend: 'overlay',
  sandbox: '1-d0c4e7aa11',
  blocks: 1,
  held: [],
  parted: [],
  vnis: [256],
  subnets: ['10.20.0.0/16'],
  endpoints: 1,
  floating: [],
  published: [],
  peers: 2,
  synced: true,
}
const STATUS: StatusReport = {
  host: { id: 'a' as HostId, name: 'h1', boot: '1', vtep: '192.0.2.1', mtu: 1500 },
  store: { reached: true, owed: 0 },
  networks: [
    { ...NETWORK, identity: 'name:auto.22c58d0abac37f3d', name: 'blue' },
    {
      ...{ ...NETWORK, identity: 'pools:10.20.0.0/16', name: '' },
      published: ['0.0.0.0:8080->10.20.0.5:80/tcp'],
    },
  ],
  kernel: { passes: 1, written: 1, drift: 0, failures: 0 },
  admission: { inForce: true },
  misses: { known: 0, unknown: 0 },
  conflicts: [],
  problems: [{ part: 'path', about: 'h2', problem: 'is narrow' }],
}

t.test('a network is called as in docker, and problems say what they are about', async (t) => {
  const text = withoutColour(statusText(STATUS))
  t.match(text, /^blue +d0c4e7aa11bb +256 /m)
  t.match(text, /^pools:10\.20\.0\.0\/16 +d0c4e7aa11bb /m, 'else by what ties the hosts together')
  t.match(text, /^problem +h2: is narrow$/m)
  t.match(text, /^port +0\.0\.0\.0:8080->10\.20\.0\.5:80\/tcp$/m, 'which docker port does not show')
})
