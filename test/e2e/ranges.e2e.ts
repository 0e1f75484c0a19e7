/** Address ranges that one host uses itself, and networks that are made on another. */
import t from 'tap'
import { expectPing } from '../lab/conncheck.js'
import type { Host } from '../lab/host.js'
import { askAdmin } from '../lab/plugin-call.js'
import { addressOf, createNetwork, DRIVER, runSleeper } from '../lab/tsoverlay.js'
import { refusedRun } from './clusterwide.js'
import { setSync, sharedLab } from './shared-lab.js'
import { appearsOn, countOf, goesFrom } from './synced.js'
import { eventually, storeKeys } from './traces.js'

const GATEWAY_BRIDGE = 'docker_gwbridge'
const WELL_MS = 40_000

async function subnetOf(host: Host, name: string): Promise<string> {
  const format = '{{range .IPAM.Config}}{{.Subnet}}{{end}}'
  const argv = ['network', 'inspect', '-f', format, name]
  return (await host.docker(argv, { check: false })).stdout.trim()
}

/** What `status` says is not well, as JSON. */
async function said(host: Host): Promise<string> {
  return JSON.stringify((await askAdmin(host, '/status')).body['problems'])
}

function saysSoon(host: Host, pattern: RegExp): Promise<string> {
  return eventually(
    () => said(host),
    (text) => pattern.test(text),
    WELL_MS,
  )
}

/** The store has heard of a range, or of its end. */
function storeKnows(
  lab: Awaited<ReturnType<typeof sharedLab>>,
  range: string,
  there = true,
): Promise<boolean> {
  const read = async (): Promise<boolean> =>
    (await lab.etcd.ctl(['get', '--prefix', '/tsoverlay/ranges/'])).stdout.includes(range)
  return eventually(read, (found) => found === there)
}

async function bridge(host: Host, name: string, subnet: string): Promise<void> {
  await host.docker(['network', 'create', '-d', 'bridge', '--subnet', subnet, name])
}

t.test('a subnet that a bridge or a route of another host has', async (t) => {
  const lab = await sharedLab(t, 'on')
  const [one, two] = [lab.host(1), lab.host(2)]
  t.teardown(() => two.docker(['network', 'rm', 'web'], { check: false }))
  t.teardown(() => two.sh(['ip', 'route', 'del', '10.1.7.0/24'], { check: false }))
  await bridge(two, 'web', '10.0.5.0/24')
  await two.sh(['ip', 'route', 'add', '10.1.7.0/24', 'via', lab.host(3).address])
  t.equal(await storeKnows(lab, '10.0.5.0/24'), true)
  t.equal(await storeKnows(lab, '10.1.7.0/24'), true)

  t.test('is not chosen', async (t) => {
    await createNetwork(one, 'blue')
    t.equal(await subnetOf(one, 'blue'), '10.2.0.0/16')
    t.equal(await appearsOn(lab.hosts, 'blue'), 3)
    for (const host of lab.hosts) await runSleeper(host, host.name, 'blue')
    await expectPing(one, 'h1', await addressOf(two, 'h2', 'blue'))
  })

  t.test('is refused when it is given, and nothing stays', async (t) => {
    for (const ipam of [['--ipam-driver', DRIVER], []]) {
      const argv = ['network', 'create', '-d', DRIVER, ...ipam, '--subnet', '10.0.0.0/16', 'red']
      const { code, stderr } = await one.docker(argv, { check: false })
      t.not(code, 0)
      t.match(
        stderr,
        /subnet 10\.0\.0\.0\/16 overlaps 10\.0\.5\.0\/24 \(docker network web\) of host h2: choose another --subnet such as 10\./,
      )
    }
    const route = ['--ipam-driver', DRIVER, '--subnet', '10.1.0.0/16', 'red']
    const { stderr } = await one.docker(['network', 'create', '-d', DRIVER, ...route], {
      check: false,
    })
    t.match(stderr, /overlaps 10\.1\.7\.0\/24 \(the route by eth0\) of host h2/)
    const left = await eventually(
      async () => (await storeKeys(lab)).filter((key) => /10\.[01]\.0\.0/.test(key)),
      (keys) => keys.length === 0,
    )
    t.same(left, [])
    t.equal(await countOf(lab.hosts, 'red'), 0)
  })

  t.test('is free when the bridge is gone', async (t) => {
    await two.docker(['network', 'rm', 'web'])
    t.equal(await storeKnows(lab, '10.0.5.0/24', false), false)
    await createNetwork(one, 'red', ['--subnet', '10.0.0.0/16'])
    t.equal(await appearsOn(lab.hosts, 'red'), 3)
  })
})

t.test('a range that comes over a network of the cluster', async (t) => {
  const lab = await sharedLab(t, 'on')
  const [one, two] = [lab.host(1), lab.host(2)]
  t.teardown(() => two.docker(['network', 'rm', 'later'], { check: false }))
  await createNetwork(one, 'blue', ['--subnet', '10.20.0.0/16'])
  t.equal(await appearsOn(lab.hosts, 'blue'), 3)
  await bridge(two, 'later', '10.20.4.0/24')
  const what =
    /subnet 10\.20\.0\.0\/16 of network blue overlaps 10\.20\.4\.0\/24 \(docker network later\)/
  t.match(await saysSoon(two, what), what)
  t.match(await saysSoon(one, what), /"part":"other hosts","about":"blue","problem":"on h2: /)
  const { stdout } = await one.sh(['/run/tsoverlay/cli', 'networks'])
  t.match(stdout, /blue .* problem on h2/)
  t.comment('its containers work all the same, as no such bridge is in them')
  await runSleeper(one, 'app', 'blue')
  await runSleeper(two, 'web', 'blue')
  await expectPing(one, 'app', await addressOf(two, 'web', 'blue'))
  await two.docker(['network', 'rm', 'later'])
  t.equal(await saysSoon(two, /^\[\]$/), '[]')
  t.equal(await saysSoon(one, /^\[\]$/), '[]')
})

t.test('a network that is taken by name on one host is said where it was made', async (t) => {
  const lab = await sharedLab(t, 'on')
  const [one, two] = [lab.host(1), lab.host(2)]
  t.teardown(() => two.docker(['network', 'rm', 'blue'], { check: false }))
  await two.docker(['network', 'create', '-d', 'bridge', 'blue'])
  await createNetwork(one, 'blue', ['--subnet', '10.20.0.0/16'])
  const what = /on h2: the name is taken on this host by a network of driver bridge/
  t.match(await saysSoon(one, what), what)
  await two.docker(['network', 'rm', 'blue'])
  t.equal(await saysSoon(one, /^\[\]$/), '[]')
  t.equal(await appearsOn(lab.hosts, 'blue'), 3)
})

t.test('networks of dockerd’s choice', async (t) => {
  const lab = await sharedLab(t, 'on')
  const [one, two, three] = [lab.host(1), lab.host(2), lab.host(3)]

  t.test('docker_gwbridge is where nobody is given a subnet', async (t) => {
    for (const host of lab.hosts) {
      const subnet = await eventually(
        () => subnetOf(host, GATEWAY_BRIDGE),
        (found) => found.startsWith('198.'),
        WELL_MS,
      )
      t.equal(subnet, '198.19.0.0/16', host.name)
    }
  })

  t.test('go with bridges of other hosts', async (t) => {
    const names = ['app1', 'app2', 'app3']
    for (const host of [two, three]) {
      t.teardown(() => host.docker(['network', 'rm', ...names], { check: false }))
      for (const [at, name] of names.entries()) await bridge(host, name, `172.${18 + at}.0.0/16`)
    }
    await one.docker(['network', 'create', '-d', DRIVER, 'plain'])
    t.match(await subnetOf(one, 'plain'), /^172\.(18|19|20)\./)
    t.equal(await appearsOn(lab.hosts, 'plain'), 3)
    for (const host of lab.hosts) await runSleeper(host, `p-${host.name}`, 'plain')
    await expectPing(one, 'p-h1', await addressOf(two, 'p-h2', 'plain'))
    await expectPing(three, 'p-h3', await addressOf(one, 'p-h1', 'plain'))
    t.equal(await said(two), '[]', 'which is no problem')
    for (const host of lab.hosts) await host.docker(['rm', '-f', `p-${host.name}`])
    await one.docker(['network', 'rm', 'plain'])
    t.equal(await goesFrom(lab.hosts, 'plain'), 0)
  })

  t.test('do not go with a docker_gwbridge, which is in their containers', async (t) => {
    t.teardown(() => two.docker(['network', 'rm', GATEWAY_BRIDGE], { check: false }))
    await ownGateway(two, '172.29.0.0/16')
    t.equal(await storeKnows(lab, '172.29.0.0/16'), true)
    const argv = ['network', 'create', '-d', DRIVER, '--subnet', '172.29.0.0/16', 'plain']
    const { code, stderr } = await one.docker(argv, { check: false })
    t.not(code, 0)
    t.match(
      stderr,
      /subnet 172\.29\.0\.0\/16 overlaps 172\.29\.0\.0\/16 \(docker network docker_gwbridge\) of host h2: choose another --subnet such as 10\./,
    )
  })

  t.test('one that comes later: our words, and all is well when it is gone', async (t) => {
    t.teardown(() => two.docker(['network', 'rm', GATEWAY_BRIDGE], { check: false }))
    await createNetwork(one, 'blue', ['--subnet', '10.20.0.0/16'])
    await createNetwork(one, 'inner', ['--subnet', '10.21.0.0/16', '--internal'])
    t.equal(await appearsOn(lab.hosts, 'blue'), 3)
    t.equal(await appearsOn(lab.hosts, 'inner'), 3)
    await ownGateway(two, '10.20.0.0/15')
    const what =
      /subnet 10\.20\.0\.0\/16 of network blue overlaps 10\.20\.0\.0\/15 \(docker network docker_gwbridge\)/
    t.match(await saysSoon(two, what), what)
    t.match(await saysSoon(one, what), what)
    t.match(await refusedRun(two, 'blue', []), /the container cannot start: subnet 10\.20.*: stop/s)
    await runSleeper(two, 'inside', 'inner')
    await two.docker(['network', 'rm', GATEWAY_BRIDGE])
    t.equal(await saysSoon(two, /^\[\]$/), '[]')
    const again = await eventually(
      () => subnetOf(two, GATEWAY_BRIDGE),
      (found) => found !== '',
      WELL_MS,
    )
    t.match(again, /^198\./, 'made by us again')
    await runSleeper(two, 'web', 'blue')
    await runSleeper(one, 'app', 'blue')
    await expectPing(one, 'app', await addressOf(two, 'web', 'blue'))
  })
})

t.test('a docker_gwbridge that dockerd has made is moved when nobody uses it', async (t) => {
  const lab = await sharedLab(t, 'on')
  const host = lab.host(3)
  t.teardown(() => setSync(host, 'on'))
  await setSync(host, 'off')
  await host.docker(['network', 'rm', GATEWAY_BRIDGE])
  await createNetwork(host, 'blue', ['--subnet', '10.20.0.0/16'])
  await runSleeper(host, 'web', 'blue')
  t.match(await subnetOf(host, GATEWAY_BRIDGE), /^172\./)
  await host.docker(['rm', '-f', 'web'])
  await setSync(host, 'on')
  const moved = await eventually(
    () => subnetOf(host, GATEWAY_BRIDGE),
    (found) => found.startsWith('198.'),
    WELL_MS,
  )
  t.equal(moved, '198.19.0.0/16')
  // The line comes a moment after the bridge.
  const log = await eventually(
    () => host.dockerd.log(200),
    (text) => text.includes('docker_gwbridge moved'),
  )
  t.match(log, /docker_gwbridge moved/)
})

t.test('a container starts right after docker_gwbridge went', async (t) => {
  const lab = await sharedLab(t, 'on')
  const [one, two] = [lab.host(1), lab.host(2)]
  // The range that dockerd gives a bridge next, but knows nothing of on the second host.
  await createNetwork(one, 'blue', ['--subnet', '172.18.0.0/16'])
  await appearsOn(lab.hosts, 'blue')
  for (let turn = 0; turn < 5; turn += 1) {
    await two.docker(['network', 'rm', GATEWAY_BRIDGE])
    await two.docker(['run', '--rm', '--net', 'blue', 'lab', 'true'])
    t.match(await subnetOf(two, GATEWAY_BRIDGE), /^198\.1[89]\./)
  }
})

/** A docker_gwbridge of the user's own, in place of what is there. */
async function ownGateway(host: Host, subnet: string): Promise<void> {
  await host.docker(['rm', '-f', 'inside'], { check: false })
  const name = `com.docker.network.bridge.name=${GATEWAY_BRIDGE}`
  const flags = ['--label', 'made-by=user', '-o', name, '--subnet', subnet]
  await host.docker(['network', 'rm', GATEWAY_BRIDGE], { check: false })
  await host.docker(['network', 'create', ...flags, GATEWAY_BRIDGE])
}
