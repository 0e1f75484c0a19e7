/** Notices by the ten thousand: the process lives, keeps nothing of them and still hears misses. */
import { join } from 'node:path'
import type { Miss } from '../../src/core/ports.js'
import { createDataplane } from '../../src/dataplane/dataplane.js'
import {
  inside,
  makeNetnsDir,
  onThrowAwayHost,
  planOf,
  SANDBOX,
  silent,
  unmountNetnsDir,
  until,
} from './kernel.js'

await onThrowAwayHost(import.meta.url, async () => {
  const { default: t } = await import('tap')
  const netnsDir = makeNetnsDir()
  const netns = join(netnsDir, SANDBOX)
  const dataplane = await createDataplane({ netnsDir, logger: silent })
  t.teardown(async () => {
    await dataplane.remove(SANDBOX)
    await dataplane.close()
    unmountNetnsDir(netnsDir)
  })

  t.test('a receive buffer that overruns does not end the process', async (t) => {
    await dataplane.apply(planOf())
    const misses: Miss[] = []
    dataplane.onMiss((miss) => misses.push(miss))
    // 5,000 writes by somebody else while this process does not read a single notice
    const mac = '02:42:00:00:00:01'
    const range = 'for i in $(seq 20); do for j in $(seq 250); do'
    const line = `echo neigh replace 10.20.$i.$j lladdr ${mac} dev vxlan0 nud permanent`
    inside(netns, 'bash', '-c', `${range} ${line}; done; done | ip -batch -`)
    await new Promise((resolve) => setTimeout(resolve, 50))
    t.same(misses, [], 'a write is no miss')
    inside(netns, 'bash', '-c', 'echo x > /dev/udp/10.20.99.1/9')
    await until(() => misses.length > 0)
    t.same(misses[0], { sandbox: SANDBOX, dev: 'vxlan0', ip: '10.20.99.1' })
    dataplane.queueResync(SANDBOX)
    t.same(await dataplane.apply(planOf()), { written: 5000, drift: 0, failures: [] })
  })
})
