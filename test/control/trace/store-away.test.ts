/** What is said of a store that does not answer. */
import t from 'tap'
import { storeAway } from '../../../src/control/trace/store-away.js'
import type { Ip } from '../../../src/core/ip.js'
import { HOST } from '../../../src/core/plan.js'
import { RecordingDataplane } from '../../fakes/recording-dataplane.js'
import { host } from './facts.js'

const STORE = '192.0.2.9' as Ip
const by = { family: 'ip', table: 'filter', chain: 'OUTPUT', handle: '7' }

function away(...endpoints: string[]) {
  const dataplane = new RecordingDataplane()
  const route = { to: STORE, kind: 'unicast', dev: 'eth0', source: '192.0.2.1' as Ip } as const
  dataplane.path.places.set(HOST, host({ routes: [route] }))
  return { dataplane, told: () => storeAway({ dataplane, endpoints }) }
}

t.test('where it is, and what shows why it does not answer', async (t) => {
  const { told } = away('http://192.0.2.9:2379', 'http://192.0.2.10:2379')
  t.match(await told(), [
    {
      hop: 'store',
      verdict: 'failed',
      says: /^etcd at http:\/\/192\.0\.2\.9:2379, http:\/\/192\.0\.2\.10:2379 does not answer this host/,
      mend: { command: 'tsoverlay doctor' },
    },
  ])
})

t.test('a rule of this host that keeps it away comes first', async (t) => {
  const { dataplane, told } = away('https://192.0.2.9')
  dataplane.path.rules.set('output', { fate: 'refused', by })
  t.match(await told(), [
    {
      hop: 'firewall',
      verdict: 'failed',
      mend: {
        command:
          'nft insert rule ip filter OUTPUT position 7 oifname eth0 ip saddr 192.0.2.1 ip daddr 192.0.2.9 tcp dport 443 accept',
      },
    },
    { hop: 'store' },
  ])
})

t.test('names are looked up, and what is not known is no rule of ours', async (t) => {
  const { dataplane, told } = away('http://no-such-host.invalid:2379')
  dataplane.path.rules.set('output', { fate: 'refused', by })
  t.match(await told(), [{ hop: 'store' }])
})

t.test("the plugin's own etcd has no address to look at", async (t) => {
  const [found, ...more] = await away().told()
  t.match(found?.says, /^the plugin's own etcd does not answer/)
  t.same(more, [])
})
