/** The link-local address of a bridge in the host's namespace, from which it asks for containers' MACs. */
import { createDataplane } from '../../src/dataplane/dataplane.js'
import { BRIDGE, makeUnderlay, PLAN } from './host-place.js'
import {
  inside,
  makeContainer,
  makeNetnsDir,
  onThrowAwayHost,
  removeContainer,
  run,
  silent,
  unmountNetnsDir,
  until,
} from './kernel.js'

interface Shown {
  readonly addr_info: readonly { readonly scope: string; readonly tentative?: boolean }[]
}

const HOST_DAD = 'net/ipv6/conf/eth0/accept_dad'

function linkLocal() {
  const shown = JSON.parse(run('ip', '-j', '-6', 'addr', 'show', 'dev', BRIDGE)) as Shown[]
  return shown.flatMap(({ addr_info }) => addr_info ?? []).find(({ scope }) => scope === 'link')
}

await onThrowAwayHost(import.meta.url, async () => {
  const { default: t } = await import('tap')
  const netnsDir = makeNetnsDir()
  makeUnderlay()
  const dataplane = await createDataplane({ netnsDir, logger: silent })
  t.teardown(async () => {
    await dataplane.close()
    unmountNetnsDir(netnsDir)
  })

  t.test('is there as soon as its first port is, not seconds later', async (t) => {
    const before = dataplane.settings([HOST_DAD])
    t.same((await dataplane.apply(PLAN)).failures, [])
    t.equal(linkLocal(), undefined, 'without a port there is no carrier')
    const container = makeContainer(netnsDir, 'web')
    t.teardown(() => removeContainer(container))
    run('ip', 'link', 'set', 'tsoc1', 'netns', container)
    inside(container, 'ip', 'link', 'set', 'tsoc1', 'up')
    await until(() => linkLocal() !== undefined)
    t.notOk(linkLocal()?.tentative)
    t.same(dataplane.settings([HOST_DAD]), before, 'the devices of the host keep theirs')
  })
})
