/** What is to be known of a host beside passes, on the real kernel. */
import type { Ip } from '../../src/core/ip.js'
import { createDataplane } from '../../src/dataplane/dataplane.js'
import {
  inside,
  makeContainer,
  makeNetnsDir,
  onThrowAwayHost,
  removeContainer,
  run,
  silent,
  unmountNetnsDir,
} from './kernel.js'

const HERE = '192.0.2.1' as Ip
const THERE = '192.0.2.2' as Ip

/** Sends UDP packets with a wrong checksum, raw, to a socket of its own that reads them. */
const WRONG_PACKETS = `
const libc = require('koffi').load('libc.so.6')
const raw = libc.func('int socket(int, int, int)')(2, 3, 17)
const send = libc.func('int sendto(int, void *, size_t, int, void *, uint32_t)')
const ear = require('node:dgram').createSocket('udp4').bind(9, '127.0.0.1', () => {
  const to = Buffer.from([2, 0, 0, 0, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0])
  for (let n = 0; n < 3; n += 1) send(raw, Buffer.from([0, 9, 0, 9, 0, 8, 0, 1]), 8, 0, to, 16)
  setTimeout(() => ear.close(), 200)
})`

await onThrowAwayHost(import.meta.url, async () => {
  const { default: t } = await import('tap')
  const netnsDir = makeNetnsDir()
  const dataplane = await createDataplane({ netnsDir, logger: silent })
  t.teardown(async () => {
    await dataplane.close()
    unmountNetnsDir(netnsDir)
  })
  const common = { dev: 'eth0', port: 4789 }
  const packets = [
    { ...common, way: 'in' as const, from: THERE, to: HERE },
    { ...common, way: 'out' as const, from: HERE, to: THERE },
  ]
  /** `ip filter INPUT in` for each chain that refuses one. */
  const refusals = async (): Promise<string[]> =>
    (await dataplane.refusals(packets)).map(
      ({ table, chain, packet }) => `${table} ${chain} ${packet.way}`,
    )

  t.test('this kernel has all that networks are made of, and nothing stays', async (t) => {
    t.same(await dataplane.lacks(), new Map())
    t.equal(run('ip', '-o', 'link').trim().split('\n').length, 1)
    t.equal(run('nft', 'list', 'tables'), '')
  })

  t.test('settings of the host', async (t) => {
    run('sysctl', '-qw', 'net.ipv4.ip_forward=0')
    const names = ['net/ipv4/ip_forward', 'net/ipv4/no_such_thing']
    t.same(dataplane.settings(names), new Map([['net/ipv4/ip_forward', '0']]))
  })

  t.test('chains that drop, of nft and of iptables, in both directions', async (t) => {
    t.same(await refusals(), [])
    const table = (chain: string, rule: string): string =>
      `table inet strict { chain ${chain} { type filter hook ${chain} priority 5; ${rule}; }; }`
    run('nft', table('input', 'udp dport 4789 drop'))
    t.same(await refusals(), ['inet strict input in'])
    run('nft', 'insert rule inet strict input udp dport 4789 accept')
    t.same(await refusals(), [])
    run('nft', 'delete table inet strict')
    run('nft', table('output', `ip daddr ${THERE} reject`))
    t.same(await refusals(), ['inet strict output out'])
    run('nft', 'delete table inet strict')
    run('nft', table('input', 'policy drop; tcp dport 22 accept'))
    t.same(await refusals(), ['inet strict input in'], 'a policy')
    run('nft', 'delete table inet strict')
    run('nft', table('input', 'udp dport 4790 drop'))
    t.same(await refusals(), [], 'another port')
    run('nft', 'delete table inet strict')
    // as iptables 1.8.11 writes it
    run('nft', table('input', 'ip protocol udp udp dport 4789 drop').replace('inet', 'ip'))
    t.same(await refusals(), ['ip strict input in'])
    run('nft', 'delete table ip strict')
    run('iptables-nft', '-I', 'INPUT', '-p', 'udp', '--dport', '4789', '-j', 'DROP')
    t.same(await refusals(), ['ip filter INPUT in'])
    run('iptables-nft', '-I', 'INPUT', '-p', 'udp', '--dport', '4789', '-j', 'ACCEPT')
    t.same(await refusals(), [])
    run('iptables-nft', '-F', 'INPUT')
  })

  t.test('packets with a wrong checksum that a container was sent', async (t) => {
    const path = makeContainer(netnsDir, 'web')
    t.teardown(() => removeContainer(path))
    t.equal(dataplane.checksums('nobody'), undefined)
    t.same(dataplane.checksums('web'), { received: 0, wrong: 0 })
    inside(path, process.execPath, '-e', WRONG_PACKETS)
    t.match(dataplane.checksums('web'), { wrong: Number })
    t.ok((dataplane.checksums('web')?.wrong ?? 0) > 0)
  })
})
