/** Sandboxes come, are adopted, repaired and go, and leave nothing behind. */
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createDataplane } from '../../src/dataplane/dataplane.js'
import {
  bridgeFdb,
  inside,
  ipLinks,
  ipNeighbours,
  makeNetnsDir,
  onThrowAwayHost,
  picture,
  planOf,
  run,
  SANDBOX,
  silent,
  unmountNetnsDir,
} from './kernel.js'

const A = '02:42:0a:14:00:05'
const B = '02:42:0a:14:00:06'
const PLAN = planOf({
  ports: ['c1'],
  peers: [
    ['10.20.0.5', A, '192.0.2.7'],
    ['10.20.0.6', B, '192.0.2.8'],
  ],
})
const CLEAN = { written: 0, drift: 0, failures: [] }

await onThrowAwayHost(import.meta.url, async () => {
  const { default: t } = await import('tap')
  const netnsDir = makeNetnsDir()
  const netns = join(netnsDir, SANDBOX)
  const start = () => createDataplane({ netnsDir, logger: silent })
  const dataplane = await start()
  t.teardown(async () => {
    await dataplane.close()
    unmountNetnsDir(netnsDir)
  })
  t.afterEach(() => dataplane.remove(SANDBOX))

  t.test('removing leaves nothing, and nothing to remove is success', async (t) => {
    await dataplane.apply(PLAN)
    t.same(await dataplane.list(), [SANDBOX])
    await dataplane.remove(SANDBOX)
    await dataplane.remove(SANDBOX)
    await dataplane.remove('1-../../etc')
    t.same(readdirSync(netnsDir), [])
    t.same(await dataplane.list(), [])
    t.same(
      ipLinks().map((link) => link.ifname),
      ['lo'],
      'the hosts end of the veth is gone too',
    )
  })

  t.test('the VNI is free at once after remove, 20 times over', async (t) => {
    for (let turn = 0; turn < 20; turn += 1) {
      const other = `1-bbbbbbbbb${turn % 10}`
      await dataplane.apply(PLAN)
      await dataplane.remove(SANDBOX)
      const { failures } = await dataplane.apply({ ...PLAN, place: other })
      t.same(failures, [])
      await dataplane.remove(other)
    }
  })

  t.test('a VNI that another sandbox holds is named with its port', async (t) => {
    const other = '1-bbbbbbbbbb'
    await dataplane.apply({ ...PLAN, place: other })
    const { failures } = await dataplane.apply(planOf())
    t.match(failures, [{ item: { in: 'links', name: 'vxlan0' }, error: { code: 'VNI_TAKEN' } }])
    t.match(failures[0]?.error.message, /VNI 4096 on UDP port 4789 .* vxlan0 in .*1-bbbbbbbbbb:/)
    await dataplane.remove(other)
    t.same((await dataplane.apply(planOf())).failures, [], 'and it heals once that one is gone')
  })

  t.test('a restarted plugin adopts what is there without touching it', async (t) => {
    await dataplane.apply(PLAN)
    const before = picture(netns)
    const next = await start()
    t.same(await next.list(), [SANDBOX], 'it knows its own with no memory')
    t.same(await next.apply(PLAN), CLEAN)
    t.same(picture(netns), before)
    await next.close()
  })

  t.test('a restarted plugin repairs what changed while it was away', async (t) => {
    await dataplane.apply(PLAN)
    const before = picture(netns)
    inside(netns, 'ip', 'neigh', 'del', '10.20.0.5', 'dev', 'vxlan0')
    inside(netns, 'ip', 'neigh', 'replace', '10.20.0.77', 'lladdr', A, 'dev', 'vxlan0')
    inside(netns, 'bridge', 'fdb', 'replace', B, 'dev', 'vxlan0', 'dst', '192.0.2.66', 'self')
    const next = await start()
    const { drift, failures } = await next.apply(PLAN)
    t.same([drift, failures], [0, []], 'drift is only what this process had made')
    t.same(picture(netns), before)
    await next.close()
  })

  t.test('what is deleted behind our back comes back with a resync', async (t) => {
    await dataplane.apply(PLAN)
    const before = picture(netns)
    inside(netns, 'ip', 'neigh', 'del', '10.20.0.5', 'dev', 'vxlan0')
    inside(netns, 'bridge', 'fdb', 'del', B, 'dev', 'vxlan0', 'self')
    inside(netns, 'ip', 'addr', 'flush', 'dev', 'br0')
    dataplane.queueResync(SANDBOX)
    const result = await dataplane.apply(PLAN)
    t.same(result, { written: 3, drift: 3, failures: [] })
    t.same(picture(netns), before)
    t.same(await dataplane.apply(PLAN), CLEAN)
  })

  t.test('a deleted vxlan device comes back with all its entries', async (t) => {
    await dataplane.apply(PLAN)
    const before = picture(netns)
    inside(netns, 'ip', 'link', 'del', 'vxlan0')
    dataplane.queueResync(SANDBOX)
    const { drift, failures } = await dataplane.apply(PLAN)
    t.same([drift, failures], [5, []], 'the device, two neighbours and two FDB entries')
    t.same(picture(netns), before)
  })

  t.test('a deleted bridge comes back with its ports', async (t) => {
    await dataplane.apply(PLAN)
    const before = picture(netns)
    inside(netns, 'ip', 'link', 'del', 'br0')
    dataplane.queueResync(SANDBOX)
    t.same((await dataplane.apply(PLAN)).failures, [])
    t.same(picture(netns), before)
  })

  t.test('a vxlan device that was set down gets its neighbours back', async (t) => {
    await dataplane.apply(PLAN)
    const before = picture(netns)
    inside(netns, 'ip', 'link', 'set', 'vxlan0', 'down')
    t.same(ipNeighbours(netns, 'vxlan0'), [], 'the kernel drops them with the device')
    dataplane.queueResync(SANDBOX)
    t.same((await dataplane.apply(PLAN)).failures, [])
    t.same(picture(netns), before)
  })

  t.test('an FDB entry that changes its VTEP has exactly one afterwards', async (t) => {
    await dataplane.apply(planOf({ peers: [['10.20.0.5', A, '192.0.2.7']] }))
    const moved = planOf({ peers: [['10.20.0.5', A, '192.0.2.9']] })
    t.same(await dataplane.apply(moved), { written: 1, drift: 0, failures: [] })
    t.same(bridgeFdb(netns, 'vxlan0'), [`${A} 192.0.2.9 permanent self`])
  })

  t.test('FDB entries that somebody bent to another port or aged are put right', async (t) => {
    const plan = planOf({
      peers: [
        ['10.20.0.5', A, '192.0.2.7'],
        ['10.20.0.6', B, '192.0.2.7'],
      ],
    })
    await dataplane.apply(plan)
    const before = bridgeFdb(netns, 'vxlan0')
    const replace = ['fdb', 'replace', A, 'dev', 'vxlan0', 'dst', '192.0.2.7', 'self', 'permanent']
    inside(netns, 'bridge', ...replace, 'port', '9999')
    inside(netns, 'bridge', 'fdb', 'replace', B, 'dev', 'vxlan0', 'dst', '192.0.2.7', 'dynamic')
    const stray = ['fdb', 'add', '02:42:0a:14:00:99', 'dev', 'vxlan0', 'dst', '192.0.2.7', 'self']
    inside(netns, 'bridge', ...stray, 'port', '9999', 'dynamic')
    t.match(inside(netns, 'bridge', 'fdb', 'show', 'dev', 'vxlan0'), /9999/)
    dataplane.queueResync(SANDBOX)
    t.same(await dataplane.apply(plan), { written: 3, drift: 2, failures: [] })
    t.same(bridgeFdb(netns, 'vxlan0'), before)
    t.notMatch(inside(netns, 'bridge', 'fdb', 'show', 'dev', 'vxlan0'), /9999/)
  })

  t.test('a refused entry is named and the rest of the batch stands', async (t) => {
    const good = planOf({ peers: [['10.20.0.5', A, '192.0.2.7']] })
    // an IPv6 VTEP on a device with an IPv4 one
    const bad = planOf({
      peers: [
        ['10.20.0.6', B, '2001:db8::7'],
        ['10.20.0.5', A, '192.0.2.7'],
      ],
    })
    const { failures, written } = await dataplane.apply(bad)
    t.match(failures, [
      { item: { in: 'fdb', name: `vxlan0 ${B}` }, error: { code: 'KERNEL_FAILED' } },
    ])
    t.match(failures[0]?.error.message, /^fdb vxlan0 02:42:0a:14:00:06: .*\(E[A-Z]+\)$/)
    t.ok(written > 0)
    t.same(bridgeFdb(netns, 'vxlan0'), [`${A} 192.0.2.7 permanent self`])
    t.same((await dataplane.apply(good)).failures, [])
  })

  t.test('entries for a device that the plan does not make are one failure', async (t) => {
    const plan = planOf({
      peers: [
        ['10.20.0.5', A, '192.0.2.7'],
        ['10.20.0.6', B, '192.0.2.7'],
      ],
    })
    const bridgeOnly = { ...plan, links: plan.links.slice(0, 1) }
    const { failures } = await dataplane.apply(bridgeOnly)
    t.same(
      failures.map(({ item }) => item),
      [
        { in: 'fdb', name: 'vxlan0' },
        { in: 'neighbours', name: 'vxlan0' },
      ],
    )
  })

  t.test('a sandbox that was unmounted is mounted again with everything in it', async (t) => {
    await dataplane.apply(PLAN)
    const before = picture(netns)
    run('umount', netns)
    run('rm', netns)
    dataplane.queueResync(SANDBOX)
    t.same(await dataplane.apply(PLAN), { ...CLEAN, drift: 1 })
    t.same(picture(netns), before)
  })

  t.test('a sandbox that was unmounted is removed all the same', async (t) => {
    await dataplane.apply(PLAN)
    run('umount', netns)
    await dataplane.remove(SANDBOX)
    t.same(readdirSync(netnsDir), [])
    t.same(
      ipLinks().map((link) => link.ifname),
      ['lo'],
    )
  })

  t.test('a file without a namespace, as after a power loss, is replaced', async (t) => {
    mkdirSync(netnsDir, { recursive: true })
    writeFileSync(netns, '')
    t.same(await dataplane.list(), [], 'it is no sandbox')
    t.same((await dataplane.apply(PLAN)).failures, [])
    t.same(await dataplane.list(), [SANDBOX])
    await dataplane.remove(SANDBOX)
    writeFileSync(netns, '')
    await dataplane.remove(SANDBOX)
    t.notOk(existsSync(netns))
  })

  t.test('a namespace that Docker made under such a name is refused', async (t) => {
    const foreign = join(netnsDir, '1-cccccccccc')
    run('touch', foreign)
    run('unshare', `--net=${foreign}`, 'ip', 'link', 'add', 'br0', 'type', 'bridge')
    t.same(await dataplane.list(), [])
    const { failures, written } = await dataplane.apply({ ...PLAN, place: '1-cccccccccc' })
    t.equal(written, 0)
    t.match(failures, [
      { item: { in: 'place', name: '1-cccccccccc' }, error: { code: 'KERNEL_FAILED' } },
    ])
    await t.rejects(dataplane.remove('1-cccccccccc'), {
      code: 'KERNEL_FAILED',
      message: /1-cccccccccc/,
    })
    t.ok(
      ipLinks(foreign).some((link) => link.ifname === 'br0'),
      'it is as it was',
    )
    run('umount', foreign)
    run('rm', foreign)
  })

  t.test('a name that is no sandbox name reaches no file', async (t) => {
    const { failures } = await dataplane.apply({ ...PLAN, place: '../../evil' })
    t.match(failures, [{ error: { code: 'KERNEL_FAILED', message: /evil/ } }])
    const file = join(netnsDir, 'default')
    mkdirSync(netnsDir, { recursive: true })
    writeFileSync(file, '')
    await dataplane.remove('default')
    t.ok(existsSync(file), 'nothing of ours can be there, so there is nothing to do')
    rmSync(file)
  })

  t.test('50 lives of a sandbox leak no descriptor and no file', async (t) => {
    const descriptors = () => readdirSync('/proc/self/fd').length
    await dataplane.apply(PLAN)
    await dataplane.remove(SANDBOX)
    const before = descriptors()
    for (let turn = 0; turn < 50; turn += 1) {
      await dataplane.apply(PLAN)
      if (turn % 10 === 0) await dataplane.list()
      await dataplane.remove(SANDBOX)
    }
    t.equal(descriptors(), before)
    t.same(readdirSync(netnsDir), [])
  })

  t.test('close lets go of everything and the kernel keeps what is there', async (t) => {
    const before = readdirSync('/proc/self/fd').length
    const other = await start()
    await other.apply(PLAN)
    const full = picture(netns)
    await other.close()
    t.equal(readdirSync('/proc/self/fd').length, before)
    t.same(picture(netns), full)
  })

  t.test('every thread of this process is still at home', async (t) => {
    await dataplane.apply(PLAN)
    const threads = run('bash', '-c', `readlink /proc/${process.pid}/task/*/ns/net | sort -u`)
    t.equal(threads.trim().split('\n').length, 1)
  })
})
