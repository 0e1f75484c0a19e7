/** Hosts that want different things of one network, on three dockerds with network sync. */
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { expectPing } from '../lab/conncheck.js'
import type { Host } from '../lab/host.js'
import { addressOf, createNetwork, DRIVER, runSleeper } from '../lab/tsoverlay.js'
import { setSync, sharedLab } from './shared-lab.js'
import { appearsOn, common, countOf, goesFrom, idOf, inspect, problems } from './synced.js'
import { eventually } from './traces.js'

const SUBNET = ['--subnet', '10.20.0.0/16']
/** A pass that was in vain is repeated after 15 s at most. */
const REPEATED_MS = 40_000
const NO_PROBLEM = '{"docker":true,"problems":[]}'

/** @returns what network sync says on the host, as soon as it says nothing bad, or after 40 s */
function inSync(host: Host): Promise<string> {
  return eventually(
    () => problems(host),
    (text) => text === NO_PROBLEM,
    REPEATED_MS,
  )
}

/** @returns what network sync says on the host, as soon as it matches, or after 40 s */
function reported(host: Host, pattern: RegExp): Promise<string> {
  return eventually(
    () => problems(host),
    (text) => pattern.test(text),
    REPEATED_MS,
  )
}

t.test('what two hosts made apart and otherwise', async (t) => {
  const lab = await sharedLab(t, 'on')
  const [one, two] = [lab.host(1), lab.host(2)]
  t.teardown(() => setSync(two, 'on'))
  await setSync(two, 'off')
  const first = ['--label', 'team=x', '--attachable', '-o', 'backend=overlay']
  await createNetwork(one, 'blue', [...SUBNET, ...first])
  await createNetwork(two, 'blue', [...SUBNET, '--label', 'team=y'])
  await runSleeper(two, 'web', 'blue')
  await createNetwork(one, 'red', ['--subnet', '10.21.0.0/16'])
  await createNetwork(two, 'crimson', ['--subnet', '10.21.0.0/16'])
  t.equal(await appearsOn([lab.host(3)], 'red'), 1)
  t.equal(await appearsOn([lab.host(3)], 'blue'), 1)
  await setSync(two, 'on')

  t.test('other labels, options and flags are named, each with both values', async (t) => {
    const said = await reported(two, /"network":"blue"/)
    for (const difference of [
      'labels: team=x there, team=y here',
      'options: backend=overlay there, none here',
      '--attachable: true there, false here',
    ]) {
      t.ok(said.includes(difference), `${difference} in ${said}`)
    }
    t.notMatch(said, /--internal|--ipv6/, 'and nothing else')
    t.match(said, /replaced by the cluster's as soon as no container uses it here/)
    t.match(await two.dockerd.log(200), /network is not in sync/)
    t.match(await inspect(two, 'blue'), { Labels: { team: 'y' } }, 'in use it stays')
  })

  t.test('without containers the cluster’s comes in its place', async (t) => {
    await two.docker(['rm', '-f', 'web'])
    const replaced = eventually(
      () => inspect(two, 'blue'),
      (network) => JSON.stringify(network?.['Labels']) === '{"team":"x"}',
      REPEATED_MS,
    )
    t.match(await replaced, { Labels: { team: 'x' }, Attachable: true })
    t.same(await common(two, 'blue'), await common(lab.host(3), 'blue'))
    t.match(await two.dockerd.log(200), /removed here in favour of the cluster's/)
  })

  t.test('a second name for one network is reported there and left alone', async (t) => {
    const said = await reported(two, /"network":"crimson"/)
    t.match(said, /the cluster knows the same network as red: remove one of the two/)
    t.equal(await countOf(lab.hosts, 'crimson'), 1)
    t.equal(await countOf(lab.hosts, 'red'), 2)
    await runSleeper(one, 'on-red', 'red')
    await runSleeper(two, 'on-crimson', 'crimson')
    await expectPing(one, 'on-red', await addressOf(two, 'on-crimson', 'crimson'))
    await two.docker(['rm', '-f', 'on-crimson'])
    await two.docker(['network', 'rm', 'crimson'])
    t.equal(await appearsOn(lab.hosts, 'red', REPEATED_MS), 3)
    t.equal(await inSync(two), NO_PROBLEM)
  })
})

t.test(
  'a subnet of dockerd’s choice that a bridge of another host has works there, too',
  async (t) => {
    const lab = await sharedLab(t, 'on')
    const [one, two, three] = [lab.host(1), lab.host(2), lab.host(3)]
    const subnet = ['--subnet', '172.29.0.0/16']
    t.teardown(() => two.docker(['network', 'rm', 'local'], { check: false }))
    await two.docker(['network', 'create', '-d', 'bridge', '--subnet', '172.29.4.0/24', 'local'])
    await one.docker(['network', 'create', '-d', DRIVER, ...subnet, 'plain'])
    t.equal(await appearsOn(lab.hosts, 'plain'), 3)
    for (const host of lab.hosts) {
      t.equal(await inSync(host), NO_PROBLEM)
      await runSleeper(host, host.name, 'plain')
    }
    t.equal(await addressOf(one, 'h1', 'plain'), '172.29.0.2', 'dockerd begins at the bottom')
    for (const host of [two, three]) {
      const top = await addressOf(host, host.name, 'plain')
      t.match(top, /^172\.29\.255\./, 'and our IPAM at the top')
      await expectPing(one, 'h1', top)
    }
  },
)

t.test('a removal that meets a container that the store has not heard of yet', async (t) => {
  const lab = await sharedLab(t, 'on')
  const [one, two, three] = [lab.host(1), lab.host(2), lab.host(3)]
  await createNetwork(one, 'blue', SUBNET)
  t.equal(await appearsOn(lab.hosts, 'blue'), 3)
  const kept = await idOf(two, 'blue')
  await two.cut()
  try {
    await runSleeper(two, 'web', 'blue')
    await one.docker(['network', 'rm', 'blue'])
    t.equal(await goesFrom([one, three], 'blue'), 0)
  } finally {
    await two.heal()
  }
  t.equal(await appearsOn(lab.hosts, 'blue', REPEATED_MS), 3)
  t.equal(await idOf(two, 'blue'), kept, 'where the container runs it was never removed')
  t.match(await two.dockerd.log(200), /network stays in the cluster, as containers here use it/)
  await runSleeper(one, 'app', 'blue')
  await expectPing(one, 'app', await addressOf(two, 'web', 'blue'))
})

t.test('a container that starts while the network is removed on another host', async (t) => {
  const lab = await sharedLab(t, 'on')
  const [one, two] = [lab.host(1), lab.host(2)]
  for (const head of [50, 250]) {
    await createNetwork(one, 'blue', SUBNET)
    t.equal(await appearsOn(lab.hosts, 'blue'), 3)
    const argv = ['run', '-d', '--name', 'web', '--net', 'blue', 'lab', 'sleep', '3600']
    const [, started] = await Promise.all([
      sleep(head).then(() => one.docker(['network', 'rm', 'blue'])),
      two.docker(argv, { check: false }),
    ])
    const runs = started.code === 0
    t.comment(`removed after ${head} ms: it ${runs ? 'runs' : 'was refused'}`)
    const all = lab.hosts.length
    const count = await eventually(
      () => countOf(lab.hosts, 'blue'),
      (found) => found === all || (found === 0 && !runs),
      REPEATED_MS,
    )
    t.ok(count === all || (count === 0 && !runs), `on ${count} hosts: ${started.stderr}`)
    if (runs) {
      await runSleeper(one, 'app', 'blue')
      await expectPing(one, 'app', await addressOf(two, 'web', 'blue'))
      await one.docker(['rm', '-f', 'app'])
    }
    await two.docker(['rm', '-f', 'web'], { check: false })
    await two.docker(['network', 'rm', 'blue'], { check: false })
    t.equal(await goesFrom(lab.hosts, 'blue'), 0)
  }
})
