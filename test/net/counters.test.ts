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
    const before = (await dataplane.counters(SANDBOX))?.get('veth1')
    inside(container, 'ping', '-q', '-c', '20', '-i', '0.01', '-s', '1000', '10.20.0.1')
    const after = (await dataplane.counters(SANDBOX))?.get('veth1')
    for (const way of ['received', 'sent'] as const) {
      const bytes = (after?.[way] ?? 0) - (before?.[way] ?? 0)
      // 20 frames of 1,042 bytes, and some of ARP and IPv6
      t.ok(bytes >= 20_840 && bytes < 25_000, `${way} ${bytes}`)
    }
  })

  await t.test('a place that is not there has none; the host has its own', async (t) => {
    t.equal(await dataplane.counters('1-nothingthere'), undefined)
    t.ok((await dataplane.counters(HOST))?.has('lo'))
  })
})
