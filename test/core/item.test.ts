import t from 'tap'
import { type Item, itemText } from '../../src/core/item.js'

t.test('an item is said as people know it', async (t) => {
  const texts: readonly (readonly [Item, string])[] = [
    [{ in: 'links', name: 'vxlan0' }, 'link vxlan0'],
    [{ in: 'neighbours', name: 'vxlan0 10.0.0.1' }, 'neighbour vxlan0 10.0.0.1'],
    [{ in: 'fdb', name: 'vxlan0 02:42:0a:14:00:05' }, 'fdb vxlan0 02:42:0a:14:00:05'],
    [{ in: 'stations', name: 'veth1 02:42:0a:14:00:05' }, 'station veth1 02:42:0a:14:00:05'],
    [{ in: 'routes', name: 'eth0 10.1.0.0/24 0' }, 'route eth0 10.1.0.0/24 0'],
    [{ in: 'proxies', name: 'tsb-a 10.1.0.9' }, 'proxy tsb-a 10.1.0.9'],
    [{ in: 'place', name: '1-aaaaaaaaaa' }, 'sandbox 1-aaaaaaaaaa'],
    [{ in: 'place', name: 'host' }, 'host namespace'],
    [{ in: 'settings', name: 'sysctls' }, 'sysctls'],
    [{ in: 'rules', name: 'admission of VXLAN packets' }, 'admission of VXLAN packets'],
  ]
  for (const [item, text] of texts) t.equal(itemText(item), text)
})
