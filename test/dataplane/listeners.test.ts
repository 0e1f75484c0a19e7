/** Lines of /proc/net/tcp and its like. */
import t from 'tap'
import { parseListeners } from '../../src/dataplane/path/listeners.js'

const HEAD = '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid'
const line = (local: string, state: string): string =>
  `   0: ${local} 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000     0        0 1`

t.test('those that listen, by address and port', async (t) => {
  const tcp = [
    HEAD,
    line('0100007F:0050', '0A'),
    line('00000000:1F90', '0A'),
    line('0200A8C0:0050', '01'),
  ]
  t.same(parseListeners('tcp', `${tcp.join('\n')}\n`), [
    { protocol: 'tcp', address: '127.0.0.1', port: 80 },
    { protocol: 'tcp', address: '0.0.0.0', port: 8080 },
  ])
  const six = line('000020FD000000000000000001000000:0035', '07')
  t.same(parseListeners('udp', `${HEAD}\n${six}\n`), [
    { protocol: 'udp', address: 'fd20::1', port: 53 },
  ])
  const any = line('00000000000000000000000000000000:0035', '07')
  t.same(parseListeners('udp', any)[0]?.address, '::')
  t.same(parseListeners('tcp', 'no such file'), [])
})
