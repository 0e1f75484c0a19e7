import { rmSync, statSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { loadIdentity } from '../../src/state/identity.js'

t.test(
  'the id survives a restart, a reboot and a reinstall; the boot only the first',
  async (t) => {
    const dir = t.testdir()
    const load = () => loadIdentity(`${dir}/data`, `${dir}/run/deep`)
    const first = load()
    t.match(first.id, /^[0-9a-f-]{36}$/)
    t.strictSame(load(), first)
    rmSync(`${dir}/run`, { recursive: true })
    const rebooted = load()
    t.equal(rebooted.id, first.id)
    t.not(rebooted.boot, first.boot)
    rmSync(`${dir}/data`, { recursive: true })
    t.strictSame(load(), rebooted)
    t.equal(statSync(`${dir}/data/host-id`).mode & 0o777, 0o600)
  },
)

t.test('a half-written id is replaced by the one from the other place', async (t) => {
  const dir = t.testdir()
  const load = () => loadIdentity(`${dir}/data`, `${dir}/run`)
  const first = load()
  writeFileSync(`${dir}/data/host-id`, first.id.slice(0, 10))
  t.strictSame(load(), first)
  writeFileSync(`${dir}/run/host-id`, '')
  t.strictSame(load(), first)
})
