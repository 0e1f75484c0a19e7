/** A path between two hosts that loses large packets without a word. */
import t from 'tap'
import { expectPing } from '../lab/conncheck.js'
import type { Host } from '../lab/host.js'
import { httpOnSocket } from '../lab/plugin-call.js'
import { addressOf, runSleeper } from '../lab/tsoverlay.js'
import { swallow } from '../lab/underlay.js'
import { createOn, inContainer } from './clusterwide.js'
import { sharedLab } from './shared-lab.js'
import { eventually } from './traces.js'

const LIMIT = 1_400
/** Three lost tries and the search, on a busy machine. */
const FOUND_MS = 90_000

async function said(host: Host): Promise<string> {
  const socket = host.path('/run/tsoverlay/admin.sock')
  return JSON.stringify((await httpOnSocket(socket, 'GET', '/status')).body['problems'])
}

async function routes(host: Host): Promise<string> {
  return (await host.sh(['ip', 'route', 'show', 'proto', '158'])).stdout
}

t.test('is found, and its MTU is kept to', async (t) => {
  const lab = await sharedLab(t)
  const [one, two, three] = [lab.host(1), lab.host(2), lab.host(3)]
  t.teardown(() => swallow(one, two, undefined))
  await swallow(one, two, LIMIT)
  await createOn(lab.hosts, 'blue', ['--subnet', '10.20.0.0/16'])
  for (const host of lab.hosts) await runSleeper(host, host.name, 'blue')
  const there = await addressOf(two, 'h2', 'blue')
  await expectPing(one, 'h1', there)

  t.test('within the time of a look, on both ends, and said', async (t) => {
    for (const [host, other] of [
      [one, two],
      [two, one],
    ] as const) {
      const text = await eventually(
        () => said(host),
        (found) => found.includes('"part":"path"'),
        FOUND_MS,
      )
      t.match(
        text,
        new RegExp(`"about":"${other.name}","problem":"packets of more than ${LIMIT} bytes`),
      )
      t.match(await routes(host), new RegExp(`^${other.address} .*mtu ${LIMIT}`))
    }
    t.equal(await said(three), '[]', 'other paths are well')
    t.equal(await routes(three), '')
  })

  t.test('large packets and large transfers arrive', async (t) => {
    const ping = `ping -c 5 -W 2 -s 10000 ${there}`
    t.match(await inContainer(one, 'h1', ping), / [345] packets received/)
    const make = 'mkdir -p /www && dd if=/dev/zero of=/www/big bs=1M count=20 2>/dev/null'
    await inContainer(two, 'h2', `${make} && httpd -h /www -p 80`)
    const get = `timeout 60 wget -q -O - http://${there}/big | wc -c`
    t.equal((await inContainer(one, 'h1', get)).trim(), String(20 * 1024 * 1024))
  })

  t.test('a host that looks anew finds the path well again', async (t) => {
    await swallow(one, two, undefined)
    for (const host of [one, two]) {
      // Another MTU of the underlay and back: each path is looked at.
      await host.sh(['ip', 'link', 'set', 'eth0', 'mtu', '1498'])
      await eventually(
        () => mtuOf(host),
        (mtu) => mtu === 1498,
      )
      await host.sh(['ip', 'link', 'set', 'eth0', 'mtu', '1500'])
    }
    for (const host of [one, two]) {
      const left = await eventually(
        () => routes(host),
        (found) => found === '',
        FOUND_MS,
      )
      t.equal(left, '', host.name)
    }
  })
})

async function mtuOf(host: Host): Promise<number> {
  const socket = host.path('/run/tsoverlay/admin.sock')
  const { body } = await httpOnSocket(socket, 'GET', '/status')
  return (body['host'] as { mtu: number }).mtu
}
