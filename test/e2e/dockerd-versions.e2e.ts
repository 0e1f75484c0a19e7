/** The daemons of other Debian suites than the lab's own: a network over two hosts, and its names. */
import t, { type Test } from 'tap'
import { expectPing } from '../lab/conncheck.js'
import { dumpOnFailure } from '../lab/diagnostics.js'
import type { Host } from '../lab/host.js'
import { Lab } from '../lab/lab.js'
import { DEFAULT_SUITE } from '../lab/root.js'
import {
  addressOf,
  createNetwork,
  installEverywhere,
  PLUGIN,
  runSleeper,
} from '../lab/tsoverlay.js'
import { resolvesSoon } from './names.js'
import { address6Of, linesWith } from './routed-tables.js'
import { appearsOn } from './synced.js'

const PATIENT = { timeoutMs: 90_000 }
/** dockerd 20.10 and 28.5, as far as they are not the lab's own. */
const SUITES = ['bookworm', 'sid'].filter((suite) => suite !== DEFAULT_SUITE)

let current: Lab | undefined
dumpOnFailure(t, () => current)

async function labOf(t: Test, suite: string): Promise<Lab> {
  const lab = await Lab.up({ hosts: 2, etcd: true, suite, log: (line) => t.comment(line) })
  current = lab
  t.teardown(() => lab.down())
  await installEverywhere(lab, { NETWORK_SYNC: 'on' })
  return lab
}

async function versionOf(host: Host): Promise<string> {
  return (await host.docker(['version', '-f', '{{.Server.Version}}'])).stdout.trim()
}

/** In the tunnel over IPv4, then by routes between hosts that have IPv6 addresses. */
async function routedAlone(t: Test, lab: Lab): Promise<void> {
  const [one, two] = [lab.host(1), lab.host(2)]
  const by = {
    vxlan: /^fd2[12]:\S+ via fd2[12]:\S+ dev tsv-/,
    'host-gw': / via fd10:\S+ dev eth0 /,
  }
  for (const [name, backend, pool] of [
    ['sixvx', 'vxlan', 'fd21::/64'],
    ['sixgw', 'host-gw', 'fd22::/64'],
  ] as const) {
    if (backend === 'host-gw') await Promise.all(lab.hosts.map((host) => advertiseIpv6(host)))
    const flags = ['--ipv4=false', '--ipv6', '--subnet', pool, '-o', `backend=${backend}`]
    await createNetwork(one, name, flags)
    t.equal(await appearsOn(lab.hosts, name), 2)
    await runSleeper(one, `${name}-1`, name)
    await runSleeper(two, `${name}-2`, name)
    await expectPing(one, `${name}-1`, await address6Of(two, `${name}-2`, name))
    await expectPing(two, `${name}-2`, await address6Of(one, `${name}-1`, name))
    const routes = await linesWith(one, ['ip', '-6', 'route', 'show', 'proto', '116'], ' via ')
    t.ok(
      routes.some((route) => by[backend].test(`${route} `)),
      routes.join('\n'),
    )
    const own = (await one.docker(['exec', `${name}-1`, 'ip', 'addr', 'show', 'eth0'])).stdout
    t.notMatch(own, /inet /)
  }
}

async function advertiseIpv6(host: Host): Promise<void> {
  await host.docker(['plugin', 'disable', '-f', PLUGIN], PATIENT)
  await host.docker(['plugin', 'set', PLUGIN, 'ADVERTISE=fd10::/16'])
  await host.docker(['plugin', 'enable', PLUGIN], PATIENT)
}

for (const suite of SUITES) {
  t.test(`Debian ${suite}`, async (t) => {
    const lab = await labOf(t, suite)
    const [one, two] = [lab.host(1), lab.host(2)]
    t.comment(`dockerd ${await versionOf(one)}`)
    await createNetwork(one, 'blue', ['--subnet', '10.20.0.0/16'])
    t.equal(await appearsOn(lab.hosts, 'blue'), 2)
    await runSleeper(one, 'web', 'blue')
    await runSleeper(two, 'db', 'blue', ['--network-alias', 'store', '--hostname', 'box'])
    const [web, db] = [await addressOf(one, 'web', 'blue'), await addressOf(two, 'db', 'blue')]
    await expectPing(one, 'web', db)

    await t.test('names of all kinds, from the first moment on', async (t) => {
      for (const name of ['db', 'store', 'box', 'db.blue'])
        t.same(await resolvesSoon(one, 'web', name, [db]), [db], name)
      t.same(await resolvesSoon(two, 'db', 'web', [web]), [web])
      const run = ['run', '--rm', '--net', 'blue', 'lab', 'nslookup', 'web']
      t.match((await two.docker(run, { check: false, timeoutMs: 60_000 })).stdout, web)
    })

    await t.test('while containers run', async (t) => {
      await two.docker(['rename', 'db', 'base'])
      t.same(await resolvesSoon(one, 'web', 'base', [db]), [db])
      await two.docker(['network', 'disconnect', 'blue', 'base'])
      await two.docker(['network', 'connect', '--alias', 'again', 'blue', 'base'])
      const now = await addressOf(two, 'base', 'blue')
      t.same(await resolvesSoon(one, 'web', 'again', [now]), [now])
      await two.docker(['restart', '-t', '0', 'base'])
      const then = await addressOf(two, 'base', 'blue')
      t.same(await resolvesSoon(one, 'web', 'base', [then]), [then])
      t.same(await resolvesSoon(two, 'base', 'web', [web]), [web])
    })

    await t.test('the plugin away and back', async (t) => {
      await runSleeper(one, 'cache', 'blue')
      const cache = await addressOf(one, 'cache', 'blue')
      await one.docker(['plugin', 'disable', '-f', PLUGIN], PATIENT)
      t.same(await resolvesSoon(one, 'web', 'cache', [cache]), [cache], "by Docker's own")
      await one.docker(['plugin', 'enable', PLUGIN], PATIENT)
      const base = await addressOf(two, 'base', 'blue')
      t.same(await resolvesSoon(one, 'web', 'base', [base]), [base])
    })

    const help = (await one.docker(['network', 'create', '--help'])).stdout
    if (!help.includes('--ipv4')) return
    await t.test('IPv6 alone', async (t) => {
      await createNetwork(one, 'six', ['--ipv4=false', '--ipv6', '--subnet', 'fd20::/64'])
      t.equal(await appearsOn(lab.hosts, 'six'), 2)
      await runSleeper(one, 'web6', 'six')
      await runSleeper(two, 'db6', 'six')
      const format = '{{range .NetworkSettings.Networks}}{{.GlobalIPv6Address}}{{end}}'
      const db6 = (await two.docker(['inspect', '-f', format, 'db6'])).stdout.trim()
      t.match(db6, /^fd20:/)
      t.same(await resolvesSoon(one, 'web6', 'db6', [db6]), [db6])
    })
    await t.test('IPv6 alone, routed', (t) => routedAlone(t, lab))
  })
}
