/** While the peers are not known yet, what a former run left goes on carrying traffic. */

import { join } from 'node:path'
import { createDataplane } from '../../src/dataplane/dataplane.js'
import {
  makeNetnsDir,
  onThrowAwayHost,
  picture,
  planOf,
  SANDBOX,
  silent,
  unmountNetnsDir,
} from './kernel.js'

const A = '02:42:0a:14:00:05'
const B = '02:42:0a:14:00:06'
const KNOWN = planOf({ ports: ['c1'], peers: [['10.20.0.5', A, '192.0.2.7']] })
const OTHER = planOf({ ports: ['c1'], peers: [['10.20.0.6', B, '192.0.2.8']] })

await onThrowAwayHost(import.meta.url, async () => {
  const { default: t } = await import('tap')
  const netnsDir = makeNetnsDir()
  t.teardown(() => unmountNetnsDir(netnsDir))

  const entries = async (): Promise<string[]> =>
    [...(await picture(join(netnsDir, SANDBOX)))].filter((line) => /neighbour|fdb/.test(line))

  t.test('a partial plan adds and replaces, but deletes no entry', async (t) => {
    const former = await createDataplane({ netnsDir, logger: silent })
    await former.apply(KNOWN)
    const before = await entries()
    t.equal(before.length, 2)
    await former.close()

    const dataplane = await createDataplane({ netnsDir, logger: silent })
    t.teardown(() => dataplane.close())
    t.same(
      (await dataplane.apply({ ...KNOWN, neighbours: [], fdb: [], partial: true })).failures,
      [],
    )
    t.same(await entries(), before)
    await dataplane.apply({ ...OTHER, partial: true })
    t.equal((await entries()).length, 4)
    await dataplane.apply(OTHER)
    t.same(
      (await entries()).filter((line) => line.includes(A)),
      [],
    )
    t.equal((await entries()).length, 2)
    await dataplane.remove(SANDBOX)
  })
})
