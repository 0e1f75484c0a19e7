import t from 'tap'
import { bridgeName, portName, sandboxName, vxlanName } from '../../src/backends/overlay/names.js'
import { hostLinkName } from '../../src/core/names.js'
import { checkRendezvous } from '../../src/core/options.js'

const NETWORK = '4f1c2b3a5d6e7f8091a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f708'
const ENDPOINT = '9e8d7c6b5a493827161504f3e2d1c0b9a8979695949392919089888786858483'

t.test('kernel objects have the names that operators know from Docker', async (t) => {
  t.equal(sandboxName(NETWORK), '1-4f1c2b3a5d')
  t.same([bridgeName(0), bridgeName(1)], ['br0', 'br1'])
  t.same([vxlanName(0), vxlanName(12)], ['vxlan0', 'vxlan12'])
  t.equal(portName(ENDPOINT), 'veth9e8d7c6')
  t.equal(hostLinkName(ENDPOINT), 'tso9e8d7c6b5a49')
})

t.test('link names fit into IFNAMSIZ less its zero byte', async (t) => {
  for (const name of [portName(ENDPOINT), hostLinkName(ENDPOINT), vxlanName(9_999)]) {
    t.ok(name.length <= 15, name)
  }
})

t.test('a rendezvous name is one part of a store key', async (t) => {
  t.equal(checkRendezvous('-o', undefined), '')
  for (const name of ['blue', '0', 'a.b_c-d', 'x'.repeat(128)]) {
    t.equal(checkRendezvous('-o', name), name)
  }
  for (const name of ['', '_', '-a', '.a', '..', 'a/b', 'a b', 'ä', 'a\n', 'x'.repeat(129)]) {
    t.throws(() => checkRendezvous('--ipam-opt', name), {
      code: 'OPTION_INVALID',
      message: /^option --ipam-opt network=/,
    })
  }
})
