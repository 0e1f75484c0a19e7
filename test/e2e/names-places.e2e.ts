/** Where names have to work: kinds of networks, of containers, of daemons. */
import t from 'tap'
import type { Host } from '../lab/host.js'
import { addressOf, createNetwork, PLUGIN, runSleeper } from '../lab/tsoverlay.js'
import { resolved, resolvesSoon } from './names.js'
import { sharedLab } from './shared-lab.js'
import { appearsOn } from './synced.js'
import { eventually } from './traces.js'

const PATIENT = { timeoutMs: 90_000 }
/** The names in each endpoint's line of the journal, which earlier versions had not. */
const FORGET_NAMES = `sed -i -E 's/,"names":\\[[^]]*\\]//g' /run/tsoverlay/journal/endpoints* /var/lib/docker/plugins/*/propagated-mount/journal/endpoints*`

async function ask(host: Host, flags: readonly string[], name: string): Promise<string> {
  const run = ['run', '--rm', ...flags, 'lab', 'nslookup', name]
  return (await host.docker(run, { check: false, timeoutMs: 60_000 })).stdout
}

t.test('containers of all kinds', async (t) => {
  const lab = await sharedLab(t, 'on')
  const [one, two] = [lab.host(1), lab.host(2)]
  await createNetwork(one, 'blue', ['--subnet', '10.20.0.0/16'])
  await createNetwork(one, 'green', ['--subnet', '10.30.0.0/16'])
  for (const name of ['blue', 'green']) t.equal(await appearsOn(lab.hosts, name), 3)
  await runSleeper(one, 'web', 'blue')
  await runSleeper(two, 'db', 'blue')
  await runSleeper(two, 'store', 'green', ['--network-alias', 'db'])
  const db = await addressOf(two, 'db', 'blue')
  const store = await addressOf(two, 'store', 'green')
  t.same(await resolvesSoon(one, 'web', 'db', [db]), [db])

  t.test('of a network that is not its own a container knows nothing', async (t) => {
    t.same(await resolved(one, 'web', 'store'), [])
    t.same(await resolved(one, 'web', 'db.green'), [])
  })

  t.test('one on several networks knows those of all, and may say which', async (t) => {
    await one.docker(['network', 'connect', 'green', 'web'])
    t.same(await resolvesSoon(one, 'web', 'store', [store]), [store])
    t.same(await resolved(one, 'web', 'db'), [db, store].sort())
    t.same(await resolved(one, 'web', 'db.green'), [store])
    t.same(await resolved(one, 'web', 'db.blue'), [db])
    await one.docker(['network', 'disconnect', 'green', 'web'])
    t.same(await resolvesSoon(one, 'web', 'store', []), [])
    t.same(await resolved(one, 'web', 'db'), [db])
  })

  t.test('one that comes from another network to its first of ours', async (t) => {
    await one.docker(['run', '-d', '--name', 'late', 'lab', 'sleep', '3600'])
    await one.docker(['network', 'connect', '--alias', 'guest', 'blue', 'late'])
    const late = await addressOf(one, 'late', 'blue')
    for (const name of ['late', 'guest'])
      t.same(await resolvesSoon(two, 'db', name, [late]), [late], name)
    t.same(await resolvesSoon(one, 'late', 'db', [db]), [db])
    await one.docker(['network', 'disconnect', 'blue', 'late'])
    t.same(await resolvesSoon(two, 'db', 'guest', []), [])
  })

  t.test("network_mode: container:X has X's names", async (t) => {
    t.match(await ask(one, ['--net', 'container:web'], 'db'), db)
  })

  t.test('no rights, no root, no writable root, no way to change the network', async (t) => {
    const flags = ['--net', 'blue', '--read-only', '--cap-drop', 'ALL', '--user', '4000:4000']
    t.match(await ask(one, [...flags, '--security-opt', 'no-new-privileges'], 'db'), db)
  })

  t.test("the container's own settings are kept", async (t) => {
    const flags = ['--net', 'blue', '--dns-search', 'example.test', '--add-host', 'fixed:192.0.2.7']
    const ping = ['run', '--rm', ...flags, 'lab', 'sh', '-c', 'cat /etc/hosts; ping -c 1 db']
    const { stdout } = await one.docker(ping, PATIENT)
    t.match(stdout, /192\.0\.2\.7\s+fixed/)
    t.match(stdout, /1 packets received/)
  })
})

t.test('containers that ran before the plugin knew of names', async (t) => {
  const lab = await sharedLab(t, 'on')
  const [one, two] = [lab.host(1), lab.host(2)]
  await createNetwork(one, 'blue', ['--subnet', '10.20.0.0/16'])
  t.equal(await appearsOn(lab.hosts, 'blue'), 3)
  await runSleeper(one, 'web', 'blue')
  await runSleeper(two, 'db', 'blue')
  const [web, db] = [await addressOf(one, 'web', 'blue'), await addressOf(two, 'db', 'blue')]
  t.same(await resolvesSoon(one, 'web', 'db', [db]), [db])
  await two.docker(['plugin', 'disable', '-f', PLUGIN], PATIENT)
  await two.sh(['sh', '-c', FORGET_NAMES])
  const keys = ['get', '--prefix', '--print-value-only', '/tsoverlay/endpoints/']
  const named = async (): Promise<number> =>
    (await lab.etcd.ctl(keys)).stdout.split('\n').filter((line) => /"names":\["db"/.test(line))
      .length
  t.equal(await named(), 1)
  await two.docker(['plugin', 'enable', PLUGIN], PATIENT)
  t.same(await resolvesSoon(two, 'db', 'web', [web]), [web])
  t.equal(await eventually(named, (count) => count === 1), 1)
  t.same(await resolvesSoon(one, 'web', 'db', [db]), [db])
})
