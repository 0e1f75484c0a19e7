/**
 * What the tests of Weave's DNS (numbers 200 to 295) ask for and no other test of ours holds; the list
 * is in docs/design/names.md.
 */
import t from 'tap'
import { disablePlugin, enablePlugin } from '../faults/stage.js'
import type { Host } from '../lab/host.js'
import { addressOf, createNetwork, runSleeper } from '../lab/tsoverlay.js'
import { resolved, resolvesSoon } from './names.js'
import { sharedLab } from './shared-lab.js'
import { appearsOn } from './synced.js'
import { eventually } from './traces.js'
import { askWire, namespaceOf } from './wire.js'

const CLI = '/run/tsoverlay/cli'
const MANY = Array.from({ length: 60 }, (_, at) => `192.0.2.${at + 1}`).sort()
const PATIENT = { timeoutMs: 90_000 }
/** A dockerd that starts, a host whose lease has to end. */
const LATE_MS = 60_000

async function withNetwork(t: Parameters<typeof sharedLab>[0], flags: readonly string[] = []) {
  const lab = await sharedLab(t, 'on')
  await createNetwork(lab.host(1), 'blue', ['--subnet', '10.20.0.0/16', ...flags])
  t.equal(await appearsOn(lab.hosts, 'blue'), 3)
  return { one: lab.host(1), two: lab.host(2), three: lab.host(3) }
}

async function run(host: Host, name: string, flags: readonly string[] = []): Promise<string> {
  await runSleeper(host, name, 'blue', flags)
  return addressOf(host, name, 'blue')
}

t.test('names of many kinds', async (t) => {
  const { one, two, three } = await withNetwork(t)
  await run(one, 'web')
  const db = await run(two, 'db', ['--hostname', 'foo.sub1.example', '--network-alias', 'a.b.c'])
  const other = await run(three, 'other', ['--hostname', 'foo.sub2.example'])

  t.test('225: subdomains, and names that differ in them only', async (t) => {
    t.same(await resolvesSoon(one, 'web', 'foo.sub1.example', [db]), [db])
    t.same(await resolvesSoon(one, 'web', 'foo.sub2.example', [other]), [other])
    t.same(await resolvesSoon(one, 'web', 'a.b.c', [db]), [db])
    t.same(await resolved(one, 'web', 'b.c'), [])
  })

  t.test('230: unqualified names, by --dns-search', async (t) => {
    const search = ['--net', 'blue', '--dns-search', 'sub2.example']
    const ping = ['run', '--rm', ...search, 'lab', 'ping', '-c', '1', 'foo']
    const { stdout } = await one.docker(ping, { ...PATIENT, check: false })
    t.match(stdout, `PING foo (${other})`)
    t.match(stdout, / 0% packet loss/)
  })

  t.test('250: other types of a known name, names that nobody has', async (t) => {
    for (const type of ['MX', 'TXT', 'AAAA'] as const)
      t.match(await askWire(one, 'web', 'db', { type }), { rcode: 'NOERROR', data: [] }, type)
    const unknown = await askWire(one, 'web', 'nobody.example')
    t.match(unknown, { rcode: /NXDOMAIN|SERVFAIL/, data: [] })
  })

  t.test('250: what a container is told is what the lookup says', async (t) => {
    const { stdout } = await one.sh([CLI, 'dns', 'lookup', 'DB.blue', '--as', 'web', '--json'])
    const [found] = JSON.parse(stdout) as { sources: { addresses: string[] }[] }[]
    t.same(
      found?.sources.flatMap(({ addresses }) => addresses),
      await resolved(one, 'web', 'db'),
    )
  })

  t.test('210, 215: one name on several hosts; the one that goes is forgotten', async (t) => {
    const both = [await run(two, 'same'), await run(three, 'same')]
    t.same(await resolvesSoon(one, 'web', 'same', both), [...both].sort())
    const { stdout } = await one.sh([CLI, 'dns', 'ls'])
    t.match(stdout, /^same +blue .* 2 containers have this name: h2, h3$/m)
    await three.docker(['rm', '-f', 'same'])
    t.same(await resolvesSoon(one, 'web', 'same', both.slice(0, 1)), both.slice(0, 1))
  })

  t.test('240, 265: names given by hand, and their addresses', async (t) => {
    t.teardown(() => one.sh([CLI, 'dns', 'rm', 'printer.example'], { check: false }))
    await one.sh([CLI, 'dns', 'add', 'Printer.Example', '192.0.2.77', '2001:db8::77'])
    const told = ['192.0.2.77', '2001:db8::77']
    t.same(await resolvesSoon(three, 'other', 'PRINTER.example', told), told)
    const reverse = await askWire(three, 'other', '77.2.0.192.in-addr.arpa', { type: 'PTR' })
    t.same(reverse.data, ['printer.example'])
    await two.sh([CLI, 'dns', 'add', 'printer.example', '192.0.2.78'])
    t.same(await resolvesSoon(three, 'other', 'printer.example', ['192.0.2.78']), ['192.0.2.78'])
    await three.sh([CLI, 'dns', 'rm', 'printer.example'])
    t.same(await resolvesSoon(one, 'web', 'printer.example', []), [])
  })

  t.test('295: an answer of 60 addresses, by UDP, EDNS, TCP, getaddrinfo', async (t) => {
    t.teardown(() => one.sh([CLI, 'dns', 'rm', 'many'], { check: false }))
    await one.sh([CLI, 'dns', 'add', 'many', ...MANY])
    const tcp = (): Promise<readonly string[]> =>
      askWire(two, 'db', 'many', { transport: 'tcp' }).then(({ data }) => data)
    t.same(await eventually(tcp, (data) => data.length === MANY.length), MANY)
    const plain = await askWire(two, 'db', 'many')
    t.match(plain, { rcode: 'NOERROR', truncated: true })
    t.ok(plain.bytes <= 512 && plain.data.length > 20, `${plain.data.length} of them`)
    const wide = await askWire(two, 'db', 'many', { edns: 4096 })
    t.match(wide, { truncated: false, data: MANY })
    t.match(await askWire(two, 'db', 'many', { edns: 600 }), { truncated: true })
    t.same(await getaddrinfo(two, 'db', 'many'), MANY)
  })
})

/** glibc's, which asks again by TCP when an answer was cut: in the container's network, with its resolv.conf. */
async function getaddrinfo(host: Host, container: string, name: string): Promise<string[]> {
  const file = await host.docker(['inspect', '-f', '{{.ResolvConfPath}}', container])
  const look = `mount --bind ${file.stdout.trim()} /etc/resolv.conf && getent ahostsv4 ${name}`
  const namespace = `--net=${await namespaceOf(host, container)}`
  const { stdout } = await host.sh(['nsenter', namespace, 'unshare', '-m', 'sh', '-c', look])
  const found = stdout.split('\n').flatMap((line) => line.split(' ')[0] || [])
  return [...new Set(found)].sort()
}

t.test('260: a name goes with its container', async (t) => {
  const { one, two, three } = await withNetwork(t)
  await run(one, 'web')

  t.test('killed, removed by force, ended', async (t) => {
    for (const name of ['killed', 'removed', 'ended']) {
      const address = await run(two, name)
      t.same(await resolvesSoon(one, 'web', name, [address]), [address])
    }
    const { stdout } = await two.docker(['inspect', '-f', '{{.State.Pid}}', 'killed'])
    await two.sh(['kill', '-9', stdout.trim()])
    await two.docker(['rm', '-f', 'removed'])
    await two.docker(['stop', '-t', '0', 'ended'])
    for (const name of ['killed', 'removed', 'ended'])
      t.same(await resolvesSoon(one, 'web', name, []), [], name)
  })

  t.test('215: removed while the plugin of its host is off', async (t) => {
    const gone = await run(two, 'gone')
    t.same(await resolvesSoon(one, 'web', 'gone', [gone]), [gone])
    await disablePlugin(two)
    await two.docker(['rm', '-f', 'gone'], PATIENT)
    await enablePlugin(two)
    const none = await eventually(
      () => resolved(one, 'web', 'gone'),
      (found) => found.length === 0,
      LATE_MS,
    )
    t.same(none, [])
  })

  t.test('215: removed while the asking host is cut off', async (t) => {
    const cut = await run(two, 'cut')
    t.same(await resolvesSoon(one, 'web', 'cut', [cut]), [cut])
    t.teardown(() => one.heal())
    await one.cut()
    await two.docker(['rm', '-f', 'cut'])
    t.same(await resolved(one, 'web', 'cut'), [cut], 'what was known last')
    await one.heal()
    const none = await eventually(
      () => resolved(one, 'web', 'cut'),
      (found) => found.length === 0,
      LATE_MS,
    )
    t.same(none, [])
  })

  t.test('its host is switched off and taken out of the cluster', async (t) => {
    const lost = await run(three, 'lost')
    t.same(await resolvesSoon(one, 'web', 'lost', [lost]), [lost])
    await three.powerOff()
    t.teardown(() => three.boot())
    const removed = async (): Promise<number> =>
      (await one.sh([CLI, 'host', 'rm', three.name], { check: false })).code
    t.equal(await eventually(removed, (code) => code === 0, LATE_MS), 0)
    t.same(await resolvesSoon(one, 'web', 'lost', []), [])
  })
})

t.test('255, 256: names are there again after a restart', async (t) => {
  const { one, two } = await withNetwork(t)
  await run(one, 'web')
  const db = await run(two, 'db', ['--restart', 'always', '--network-alias', 'store'])
  t.teardown(() => one.sh([CLI, 'dns', 'rm', 'printer'], { check: false }))
  await one.sh([CLI, 'dns', 'add', 'printer', '192.0.2.77'])
  t.same(await resolvesSoon(one, 'web', 'store', [db]), [db])

  t.test('of the plugin: others know them all the time, its own host again', async (t) => {
    await disablePlugin(two)
    t.same(await resolved(one, 'web', 'store'), [db])
    await enablePlugin(two)
    const web = await addressOf(one, 'web', 'blue')
    t.same(await resolvesSoon(two, 'db', 'web', [web]), [web])
    t.same(await resolvesSoon(two, 'db', 'printer', ['192.0.2.77']), ['192.0.2.77'])
  })

  t.test('of the container, and of dockerd', async (t) => {
    await two.docker(['restart', '-t', '0', 'db'])
    t.same(await resolvesSoon(one, 'web', 'store', [db]), [db], 'it has its address again')
    await two.dockerd.stop()
    await two.dockerd.start()
    const again = await eventually(
      () => resolved(one, 'web', 'store'),
      (found) => found.length === 1,
      LATE_MS,
    )
    t.same(again, [await addressOf(two, 'db', 'blue')])
    t.same(await resolvesSoon(two, 'db', 'printer', ['192.0.2.77']), ['192.0.2.77'])
  })
})

t.test('205, 280: without names across hosts all else is as with Docker', async (t) => {
  const { one, two } = await withNetwork(t, ['-o', 'dns=off'])
  await run(one, 'web')
  const near = await run(one, 'near')
  await run(two, 'far')
  t.same(await resolvesSoon(one, 'web', 'near', [near]), [near])
  t.same(await resolved(one, 'web', 'far'), [])
  const added = ['run', '--rm', '--net', 'blue', '--add-host', 'static.name:10.9.9.9', 'lab']
  const ping = await one.docker([...added, 'ping', '-c', '1', '-W', '1', 'static.name'], {
    ...PATIENT,
    check: false,
  })
  t.match(ping.stdout, 'PING static.name (10.9.9.9)')
})
