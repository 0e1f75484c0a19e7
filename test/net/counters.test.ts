/** What has gone through a container's port, by the kernel's own counters. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Cidr } from '../../src/core/ip.js'
import type { Mac } from '../../src/core/mac.js'
import { HOST, type Plan } from '../../src/core/plan.js'
import { createDataplane } from '../../src/dataplane/dataplane.js'
import { inside, makeNetnsDir, onThrowAwayHost, run, silent, unmountNetnsDir } from './kernel.js'

const SANDBOX = '1-countersaa'
const CONTAINER = 'container'
const mac = '02:42:0a:14:00:02' as Mac
const PLAN: Plan = {
  place: SANDBOX,
  links: [
    { kind: 'bridge', name: 'br0', mtu: 1450, addresses: ['10.20.0.1/16' as Cidr] },
    { kind: 'veth', name: 'veth1', mtu: 1450, master: 'br0', peer: { name: 'tsoveth1', mac } },
  ],
  neighbours: [],
  fdb: [],
}

await onThrowAwayHost(import.meta.url, async () => {
  const { default: t } = await import('tap')
  const netnsDir = makeNetnsDir()
  mkdirSync(netnsDir, { recursive: true })
  const dataplane = await createDataplane({ netnsDir, logger: silent })
  t.teardown(async () => {
    await dataplane.close()
    unmountNetnsDir(netnsDir)
  })
  const container = join(netnsDir, CONTAINER)
  writeFileSync(container, '')
  run('unshare', `--net=${container}`, 'true')

  await t.test('bytes both ways, as the port sees them', async (t) => {
    t.strictSame((await dataplane.apply(PLAN)).failures, [])
    run('ip', 'link', 'set', 'tsoveth1', 'netns', container)
    inside(container, 'ip', 'link', 'set', 'tsoveth1', 'up')
    inside(container, 'ip', 'addr', 'add', '10.20.0.2/16', 'dev', 'tsoveth1')
    const before = (await dataplane.linkCounters(SANDBOX))?.get('veth1')
    const datagram = 'head -c 1000 /dev/zero > /dev/udp/10.20.0.1/9'
    inside(container, 'bash', '-c', `for n in {1..20}; do ${datagram}; done`)
    const after = (await dataplane.linkCounters(SANDBOX))?.get('veth1')
    const grown = (way: 'received' | 'sent') => (after?.[way] ?? 0) - (before?.[way] ?? 0)
    // 20 frames of 1,042 bytes, and some of ARP and IPv6
    t.ok(grown('received') >= 20_840 && grown('received') < 25_000, `${grown('received')} received`)
    // the answer of ARP, and that nobody listens there
    t.ok(grown('sent') > 42 && grown('sent') < 20_000, `${grown('sent')} sent`)
  })

  await t.test('a place that is not there has none; the host has its own', async (t) => {
    t.equal(await dataplane.linkCounters('1-nothingthere'), undefined)
    t.ok((await dataplane.linkCounters(HOST))?.has('lo'))
  })
})
