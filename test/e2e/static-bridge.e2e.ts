/**
 * What the plan knows, a bridge does not learn: containers that do not speak, addresses that move,
 * and rules that somebody empties, on real Docker hosts.
 */
import t from 'tap'
import { expectPing } from '../lab/conncheck.js'
import type { Host } from '../lab/host.js'
import { addressOf, inSandbox, runSleeper, sandboxOf } from '../lab/tsoverlay.js'
import { createOn, inContainer } from './clusterwide.js'
import { sharedLab } from './shared-lab.js'
import { eventually } from './traces.js'

const BLUE = ['--subnet', '10.20.0.0/16']
const ADDRESS = '10.20.0.200'
/** The issue allows one second; a busy machine needs time for `docker exec` alone. */
const SOON = { withinMs: 5_000 }

const inBlue = async (host: Host, ...argv: string[]): Promise<string> =>
  inSandbox(host, await sandboxOf(host, 'blue'), argv)

const remove = (host: Host, container: string) => host.docker(['rm', '-f', container])

/** UDP datagrams that an interface of a container has received, whoever they were for. */
async function received(host: Host, container: string): Promise<number> {
  return Number(await inContainer(host, container, 'cat /sys/class/net/eth0/statistics/rx_packets'))
}

t.test('nftables emptied: the source check is back, and containers start', async (t) => {
  const lab = await sharedLab(t)
  const one = lab.host(1)
  await createOn([one], 'blue', BLUE)
  await runSleeper(one, 'c1', 'blue')
  const rules = (): Promise<string> => inBlue(one, 'nft', 'list', 'ruleset')
  const before = await rules()
  t.match(before, /table bridge tsoverlay/)
  await inBlue(one, 'nft', 'flush', 'ruleset')
  const after = await eventually(rules, (now) => now === before, 6_000)
  t.equal(after, before, 'without anybody asking')
  // emptied in the same moment as a container starts
  await Promise.all([inBlue(one, 'nft', 'flush', 'ruleset'), runSleeper(one, 'c2', 'blue')])
  await inBlue(one, 'nft', 'flush', 'ruleset')
  await runSleeper(one, 'c3', 'blue')
  await expectPing(one, 'c1', await addressOf(one, 'c3', 'blue'))
})

t.test('packets for a container that never answers reach no other', async (t) => {
  const lab = await sharedLab(t)
  const [one, two] = [lab.host(1), lab.host(2)]
  await createOn([one, two], 'blue', BLUE)
  for (const name of ['sink', 'other', 'sender']) await runSleeper(one, name, 'blue')
  await runSleeper(two, 'far', 'blue')
  const sink = await addressOf(one, 'sink', 'blue')
  await expectPing(one, 'sender', sink)
  await expectPing(two, 'far', sink)
  const mac = (await inContainer(one, 'sink', 'cat /sys/class/net/eth0/address')).trim()
  const row = (): Promise<string> => inBlue(one, 'sh', '-c', `bridge fdb show br br0 | grep ${mac}`)
  t.match(await row(), / static/, 'its entry does not age')
  // what ages out after 300 s of silence is learned again by no packet, as it does not answer
  const port = / dev (veth\w+)/.exec(await row())?.[1] ?? ''
  await inBlue(one, 'sh', '-c', `bridge fdb del ${mac} dev ${port} master; true`)
  const before = await received(one, 'other')
  const send = `for n in $(seq 20); do echo x | nc -u -w 1 ${sink} 9 & done; wait`
  for (const [host, name] of [
    [one, 'sender'],
    [two, 'far'],
  ] as const) {
    await inContainer(host, name, send)
  }
  const seen = (await received(one, 'other')) - before
  t.ok(seen < 10, `another container of the host got ${seen} packets`)
  t.match(await eventually(row, (text) => text.includes('static')), /static/)
})

t.test('an address that came from another host to a silent container is reached', async (t) => {
  const lab = await sharedLab(t)
  const [one, two, three] = [lab.host(1), lab.host(2), lab.host(3)]
  await createOn([one, two, three], 'blue', BLUE)
  await runSleeper(one, 'c1', 'blue')
  await runSleeper(two, 'c2', 'blue')
  let [holder, turn] = [three, 0]
  await runSleeper(holder, 'mover', 'blue', ['--ip', ADDRESS])
  for (const next of [one, three, two, one, one]) {
    for (const [host, name] of [
      [one, 'c1'],
      [two, 'c2'],
    ] as const) {
      await expectPing(host, name, ADDRESS)
    }
    await remove(holder, 'mover')
    await runSleeper(next, 'mover', 'blue', ['--ip', ADDRESS])
    for (const [host, name] of [
      [one, 'c1'],
      [two, 'c2'],
    ] as const) {
      await expectPing(host, name, ADDRESS, SOON)
    }
    turn += 1
    t.pass(`turn ${turn}: ${holder.name} to ${next.name}`)
    holder = next
  }
})

t.test('an address whose container has another MAC now is reached', async (t) => {
  const lab = await sharedLab(t)
  const [one, two, three] = [lab.host(1), lab.host(2), lab.host(3)]
  await createOn([one, two, three], 'blue', [...BLUE, '--ipv6', '--subnet', 'fd00:20::/64'])
  await runSleeper(one, 'c1', 'blue')
  await runSleeper(two, 'c2', 'blue')
  const six = 'fd00:20::200'
  let holder = two
  const start = (host: Host, mac: string) =>
    runSleeper(host, 'mover', 'blue', ['--ip', ADDRESS, '--ip6', six, '--mac-address', mac])
  await start(holder, '02:42:c0:00:00:01')
  for (const [index, next] of [two, one, three].entries()) {
    for (const to of [ADDRESS, six]) {
      for (const [host, name] of [
        [one, 'c1'],
        [two, 'c2'],
      ] as const) {
        await expectPing(host, name, to)
      }
    }
    await remove(holder, 'mover')
    await start(next, `02:42:c0:00:01:0${index}`)
    for (const to of [ADDRESS, six]) {
      for (const [host, name] of [
        [one, 'c1'],
        [two, 'c2'],
      ] as const) {
        await expectPing(host, name, to, SOON)
      }
    }
    t.pass(`${holder.name} to ${next.name}`)
    holder = next
  }
})
