/** Packets that are lost where `trace` has nothing to read: `trace --live` says where they were seen last. */
import t, { type Test } from 'tap'
import { expectPing } from '../lab/conncheck.js'
import type { Host } from '../lab/host.js'
import { addressOf, runSleeper } from '../lab/tsoverlay.js'
import { createOn, inContainer } from './clusterwide.js'
import { sharedLab } from './shared-lab.js'
import { expectWell, live, type TracedLive } from './traced.js'
import { eventually } from './traces.js'

const TUNNELLED = [
  ...['h1 container', 'h1 port', 'h1 vxlan device', 'h1 underlay'],
  ...['h2 underlay', 'h2 vxlan device', 'h2 port', 'h2 container'],
]
const BARE = TUNNELLED.filter((hop) => !hop.includes('vxlan'))

const hopsOf = ({ report }: TracedLive): readonly string[] =>
  report.hops.map(({ host, hop }) => `${host} ${hop}`)
const heardBy = ({ report }: TracedLive) => report.hops.map(({ heard }) => heard)

/** All probes and answers, at each of the hops; soon, as bridges may have to learn. */
async function expectAll(
  t: Test,
  host: Host,
  hops: readonly string[],
  ...argv: readonly string[]
): Promise<void> {
  const found = await eventually(
    () => live(host, ...argv),
    ({ code }) => code === 0,
  )
  const { report, code } = found
  t.same(hopsOf(found), hops, argv.join(' '))
  t.equal(code, 0)
  t.equal(report.answered, report.sent)
  for (const { heard, answers } of report.hops) t.same([heard, answers], [report.sent, report.sent])
}

/** A chain at a netdev hook, which no plain trace looks at. @returns what takes it away */
async function lose(host: Host, hook: 'ingress' | 'egress', match: string) {
  const chain = `chain at { type filter hook ${hook} device eth0 priority 0; ${match} drop; }`
  await host.sh(['nft', `table netdev lost { ${chain}; }`])
  return () => host.sh(['nft', 'delete', 'table', 'netdev', 'lost'], { check: false })
}

t.test('live', async (t) => {
  const lab = await sharedLab(t)
  const [one, two, three] = [lab.host(1), lab.host(2), lab.host(3)]
  await createOn(lab.hosts, 'blue', ['--subnet', '10.20.0.0/16'])
  await createOn(lab.hosts, 'six', ['--ipv6', '--subnet', '10.22.0.0/16', '--subnet', 'fd22::/64'])
  await createOn(lab.hosts, 'gw', ['--subnet', '10.44.0.0/16', '-o', 'backend=host-gw'])
  await createOn(lab.hosts, 'vx', ['--subnet', '10.45.0.0/16', '-o', 'backend=vxlan'])
  for (const network of ['blue', 'six', 'gw', 'vx'])
    for (const host of [one, two]) await runSleeper(host, `${network}${host.name}`, network)
  await runSleeper(one, 'bluetoo', 'blue')
  await runSleeper(three, 'blueh3', 'blue')
  const serve = 'httpd -p 80 -h /; exec sleep 3600'
  await two.docker(['run', '-d', '--name', 'db', '--net', 'blue', 'lab', 'sh', '-c', serve])
  await expectPing(one, 'blueh1', await addressOf(two, 'db', 'blue'))

  t.test('all is heard everywhere, by whichever way packets go', async (t) => {
    await expectAll(t, one, TUNNELLED, 'blueh1', 'db')
    await expectAll(t, one, TUNNELLED, 'blueh1', 'db:80', '--count', '2')
    await expectAll(t, two, TUNNELLED, 'blueh1', 'db:80')
    await expectAll(t, one, TUNNELLED, 'vxh1', 'vxh2')
    await expectAll(t, one, BARE, 'gwh1', 'gwh2')
    const near = ['h1 container', 'h1 port', 'h1 port', 'h1 container']
    await expectAll(t, one, near, 'blueh1', 'bluetoo')
    const there = /fd22::\S+(?=\/)/.exec(await inContainer(two, 'sixh2', 'ip -6 addr show eth0'))
    await expectAll(t, one, TUNNELLED, 'sixh1', there?.[0] ?? '')
  })

  t.test('a rule at the device of the other host, which trace does not see', async (t) => {
    t.teardown(await lose(two, 'ingress', 'udp dport 4789'))
    await expectWell(t, one, 'blueh1', 'db:80')
    const found = await live(one, 'blueh1', 'db:80')
    t.same(heardBy(found), [5, 5, 5, 5, 5, 0, 0, 0])
    t.equal(found.code, 3)
    const { lost, says, next } = found.report
    t.same(lost, { hop: 5, back: false })
    t.match(says, /last seen at h2 underlay eth0: 5 of 5 left, h2 vxlan device vxlan0 heard 0/)
    const look = next.find(({ host }) => host === 'h2')
    t.match(look?.command, /^nft list ruleset netdev; /)
    const { stdout } = await two.sh(['sh', '-c', look?.command ?? ''], { check: false })
    t.match(stdout, /udp dport 4789 drop/, 'what is printed shows it')
  })

  t.test('a rule that drops what leaves, and one that drops answers', async (t) => {
    const mend = await lose(one, 'egress', 'udp dport 4789')
    const out = await live(one, 'blueh1', 'db')
    t.same(heardBy(out), [5, 5, 5, 0, 0, 0, 0, 0])
    t.match(out.report.says, /last seen at h1 vxlan device vxlan0: .*h1 underlay eth0 heard 0/)
    await mend()
    t.teardown(await lose(one, 'ingress', 'udp dport 4789'))
    const back = await live(one, 'blueh1', 'db')
    t.same(heardBy(back), [5, 5, 5, 5, 5, 5, 5, 5])
    t.same(back.report.lost, { hop: 2, back: true })
    t.match(back.report.says, /answers last seen at h1 underlay eth0/)
    t.equal(back.code, 3)
  })

  t.test('a routed network', async (t) => {
    const there = await addressOf(two, 'gwh2', 'gw')
    t.teardown(await lose(two, 'ingress', `ip daddr ${there}`))
    const found = await live(one, 'gwh1', 'gwh2')
    t.same(heardBy(found), [5, 5, 5, 5, 0, 0])
    t.match(found.report.says, /last seen at h2 underlay eth0: .*h2 port tsp-\S+ heard 0/)
  })

  t.test('a port where nothing listens', async (t) => {
    const { code, report } = await live(one, 'blueh1', 'db:81')
    t.equal(code, 3)
    t.equal(report.answered, 5)
    t.equal(report.lost, undefined)
    t.match(report.says, /5 of 5 arrived, and 5 were refused: nothing listens on port 81/)
  })

  t.test('a host that is cut off', async (t) => {
    await three.cut()
    const { code, report } = await live(one, 'blueh1', 'blueh3')
    t.equal(code, 3)
    t.match(report.says, /host h3 does not answer/)
    await three.heal()
    await expectAll(
      t,
      one,
      TUNNELLED.map((hop) => hop.replace('h2', 'h3')),
      'blueh1',
      'blueh3',
    )
  })
})
