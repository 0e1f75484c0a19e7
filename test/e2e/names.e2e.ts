/** Containers of all hosts find each other by name. */
import t from 'tap'
import { addressOf, createNetwork, PLUGIN, runSleeper } from '../lab/tsoverlay.js'
import { resolved, resolvesSoon } from './names.js'
import { sharedLab } from './shared-lab.js'
import { appearsOn } from './synced.js'

const PATIENT = { timeoutMs: 90_000 }
t.test('the names that Docker knows on one host are known on all', async (t) => {
  const lab = await sharedLab(t, 'on')
  const [one, two, three] = [lab.host(1), lab.host(2), lab.host(3)]
  await createNetwork(one, 'blue', ['--subnet', '10.20.0.0/16'])
  t.equal(await appearsOn(lab.hosts, 'blue'), 3)
  await runSleeper(one, 'web', 'blue')
  const flags = ['--network-alias', 'store', '--hostname', 'box']
  await runSleeper(two, 'db', 'blue', flags)
  const db = await addressOf(two, 'db', 'blue')
  const id = (await two.docker(['inspect', '-f', '{{.Id}}', 'db'])).stdout.slice(0, 12)

  t.test('container name, alias, hostname, short id, with the network, in any case', async (t) => {
    for (const name of ['db', 'store', 'box', id, 'db.blue', 'store.blue', 'DB', 'Store.Blue'])
      t.same(await resolvesSoon(one, 'web', name, [db]), [db], name)
  })

  t.test('an address has its name', async (t) => {
    const ask = ['exec', 'web', 'nslookup', db]
    t.match((await one.docker(ask, { check: false })).stdout, /name = db\.blue/)
  })

  t.test('a name of several hosts has all their addresses', async (t) => {
    const alias = ['--network-alias', 'api']
    await Promise.all(lab.hosts.map((host) => runSleeper(host, `api-${host.name}`, 'blue', alias)))
    const wanted = await Promise.all(
      lab.hosts.map((host) => addressOf(host, `api-${host.name}`, 'blue')),
    )
    t.same(await resolvesSoon(one, 'web', 'api', wanted), [...wanted].sort())
    await three.docker(['rm', '-f', `api-${three.name}`])
    const left = wanted.slice(0, 2)
    t.same(await resolvesSoon(one, 'web', 'api', left), [...left].sort())
  })

  t.test('a container has them from its first moment on', async (t) => {
    for (let turn = 0; turn < 5; turn += 1) {
      const run = ['run', '--rm', '--net', 'blue', 'lab', 'nslookup', 'db']
      const { stdout } = await three.docker(run, { check: false, timeoutMs: 60_000 })
      t.match(stdout, db, `turn ${turn}`)
    }
  })

  t.test('a name that changes, comes or goes while the container runs', async (t) => {
    await two.docker(['rename', 'db', 'base'])
    t.same(await resolvesSoon(one, 'web', 'base', [db]), [db])
    t.same(await resolvesSoon(one, 'web', 'db', []), [])
    await two.docker(['network', 'disconnect', 'blue', 'base'])
    t.same(await resolvesSoon(one, 'web', 'base', []), [])
    await two.docker(['network', 'connect', '--alias', 'again', 'blue', 'base'])
    const now = await addressOf(two, 'base', 'blue')
    t.same(await resolvesSoon(one, 'web', 'again', [now]), [now])
  })

  t.test('what the cluster does not know is asked of Docker', async (t) => {
    t.same(await resolved(one, 'web', 'nobody'), [])
    await one.docker(['network', 'create', 'plain'])
    t.teardown(async () => {
      await one.docker(['rm', '-f', 'neighbour'])
      await one.docker(['network', 'disconnect', 'plain', 'web'])
      await one.docker(['network', 'rm', 'plain'])
    })
    await runSleeper(one, 'neighbour', 'plain')
    await one.docker(['network', 'connect', 'plain', 'web'])
    const address = await addressOf(one, 'neighbour', 'plain')
    t.same(await resolvesSoon(one, 'web', 'neighbour', [address]), [address])
  })
})

t.test('DNS is never worse than without us', async (t) => {
  const lab = await sharedLab(t, 'on')
  const [one, two] = [lab.host(1), lab.host(2)]
  await createNetwork(one, 'blue', ['--subnet', '10.20.0.0/16'])
  t.equal(await appearsOn(lab.hosts, 'blue'), 3)
  await runSleeper(one, 'web', 'blue')
  await runSleeper(one, 'cache', 'blue')
  await runSleeper(two, 'db', 'blue')
  const [cache, db] = [await addressOf(one, 'cache', 'blue'), await addressOf(two, 'db', 'blue')]
  t.same(await resolvesSoon(one, 'web', 'db', [db]), [db])

  t.test('etcd away: what was known last is known', async (t) => {
    await lab.etcd.stop()
    t.teardown(() => lab.etcd.start())
    t.same(await resolved(one, 'web', 'db'), [db])
  })

  t.test(
    'the plugin away: names of this host are known, and the others once it is back',
    async (t) => {
      await one.docker(['plugin', 'disable', '-f', PLUGIN], PATIENT)
      t.same(await resolvesSoon(one, 'web', 'cache', [cache]), [cache])
      await one.docker(['plugin', 'enable', PLUGIN], PATIENT)
      t.same(await resolvesSoon(one, 'web', 'db', [db]), [db])
    },
  )
})

t.test('where there is no way out, and IPv6 alone', async (t) => {
  const lab = await sharedLab(t, 'on')
  const [one, two] = [lab.host(1), lab.host(2)]
  await createNetwork(one, 'inner', ['--internal', '--subnet', '10.20.0.0/16'])
  await createNetwork(one, 'six', [
    '--ipv6',
    '--subnet',
    '10.30.0.0/16',
    '--subnet',
    'fd00:30::/64',
  ])
  for (const name of ['inner', 'six']) t.equal(await appearsOn(lab.hosts, name), 3)
  for (const name of ['inner', 'six']) {
    await runSleeper(one, `web-${name}`, name)
    await runSleeper(two, `db-${name}`, name)
  }
  const inner = await addressOf(two, 'db-inner', 'inner')
  t.same(await resolvesSoon(one, 'web-inner', 'db-inner', [inner]), [inner])
  const format = '{{range .NetworkSettings.Networks}}{{.IPAddress}} {{.GlobalIPv6Address}}{{end}}'
  const both = (await two.docker(['inspect', '-f', format, 'db-six'])).stdout.trim().split(' ')
  t.same(await resolvesSoon(one, 'web-six', 'db-six', both), [...both].sort())
})

t.test('-o dns=off keeps a network out of it', async (t) => {
  const lab = await sharedLab(t, 'on')
  const [one, two] = [lab.host(1), lab.host(2)]
  await createNetwork(one, 'quiet', ['--subnet', '10.20.0.0/16', '-o', 'dns=off'])
  t.equal(await appearsOn(lab.hosts, 'quiet'), 3)
  await runSleeper(one, 'web', 'quiet')
  await runSleeper(two, 'db', 'quiet')
  await new Promise((resolve) => setTimeout(resolve, 2_000))
  t.same(await resolved(one, 'web', 'db'), [])
})
