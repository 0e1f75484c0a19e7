/**
 * The host's namespace is shared: what others have there survives us, and what we have there survives
 * them: flushed rules, a restarted dockerd, a killed plugin, deleted routes and links.
 */
import t, { type Test } from 'tap'
import { plantForeign } from '../lab/foreign.js'
import type { Host } from '../lab/host.js'
import { addressOf, PLUGIN, runSleeper } from '../lab/tsoverlay.js'
import { createOn, inContainer } from './clusterwide.js'
import { sharedLab } from './shared-lab.js'
import { eventually } from './traces.js'

const POOLS = { red: '10.51.0.0/16', blue: '10.52.0.0/16' } as const

async function twoNetworks(t: Test) {
  const lab = await sharedLab(t)
  const [one, two] = [lab.host(1), lab.host(2)]
  const addresses = new Map<string, string>()
  for (const [name, pool] of Object.entries(POOLS)) {
    const backend = name === 'red' ? 'vxlan' : 'host-gw'
    const flags = ['--ipam-driver', 'tsoverlay', '--subnet', pool, '-o', `backend=${backend}`]
    await createOn([one, two], name, flags)
    for (const host of [one, two]) {
      await runSleeper(host, `${name}-${host.name}`, name)
      addresses.set(`${name}-${host.name}`, await addressOf(host, `${name}-${host.name}`, name))
    }
  }
  const to = (name: string): string => addresses.get(name) ?? ''
  return { lab, one, two, to }
}

async function pings(host: Host, from: string, to: string): Promise<boolean> {
  const argv = ['exec', from, 'ping', '-c', '1', '-W', '1', to]
  return (await host.docker(argv, { check: false })).code === 0
}

t.test('what is done to the host is put right, and opens nothing', async (t) => {
  const { one, to } = await twoNetworks(t)
  const isWhole = async (): Promise<boolean> =>
    (await pings(one, 'red-h1', to('red-h2'))) && (await pings(one, 'blue-h1', to('blue-h2')))
  const isApart = async (): Promise<boolean> =>
    !(await pings(one, 'red-h1', to('blue-h1'))) && !(await pings(one, 'blue-h1', to('red-h2')))
  t.ok(await isWhole())
  t.ok(await isApart())
  const device = /(tsv-\d+)/.exec((await one.sh(['ip', 'link'])).stdout)?.[1] ?? ''
  const damages: readonly [string, string][] = [
    ['iptables -F', 'iptables -F'],
    ['iptables -F DOCKER-USER', 'iptables -F DOCKER-USER'],
    ['nft flush ruleset', 'nft flush ruleset'],
    ['a route deleted', `ip route flush root ${POOLS.red} proto 116`],
    ['a route of host-gw deleted', `ip route flush root ${POOLS.blue} proto 116`],
    ['the tunnel deleted', `ip link delete ${device}`],
    ['the tunnel down', `ip link set ${device} down`],
    ['neighbours and FDB gone', `ip neigh flush dev ${device} nud permanent`],
    ['forwarding off', 'sysctl -q -w net.ipv4.ip_forward=0'],
  ]
  for (const [name, command] of damages) {
    await t.test(name, async (t) => {
      await one.sh(['sh', '-c', command])
      t.ok(await eventually(isWhole, (whole) => whole))
      t.ok(await isApart())
    })
  }
})

t.test('dockerd restarted and the plugin killed', async (t) => {
  const { one, two, to } = await twoNetworks(t)
  const pid = (await one.sh(['pgrep', '-f', '/app/main.js'], { check: false })).stdout.trim()
  t.ok(pid)
  await one.docker(['plugin', 'disable', '-f', PLUGIN])
  for (const name of ['red', 'blue']) {
    t.ok(await pings(two, `${name}-h2`, to(`${name}-h1`)), `${name}: while the plugin is away`)
  }
  await one.docker(['plugin', 'enable', PLUGIN])
  for (const name of ['red', 'blue']) {
    t.ok(await pings(two, `${name}-h2`, to(`${name}-h1`)), `${name}: when it is back`)
    t.match(
      await inContainer(one, `${name}-h1`, `ping -c 2 -W 1 ${to(`${name}-h2`)}`),
      / 0% packet/,
    )
  }
})

t.test('objects of others stay as they are, also beside ours and when ours go', async (t) => {
  const lab = await sharedLab(t)
  const [one, two] = [lab.host(1), lab.host(2)]
  const flags = ['--ipam-driver', 'tsoverlay', '--subnet', POOLS.red, '-o', 'backend=vxlan']
  await createOn([one, two], 'red', flags)
  // after it, as a network that overlaps a route of the host is refused
  const foreign = await plantForeign(one, { destinations: [POOLS.red, '10.51.1.0/24'] })
  t.teardown(() => foreign.remove())
  await runSleeper(one, 'red-h1', 'red')
  await runSleeper(two, 'red-h2', 'red')
  t.ok(await pings(one, 'red-h1', await addressOf(two, 'red-h2', 'red')))
  t.same(await foreign.changes(), [], 'beside a network')
  await one.docker(['rm', '-f', 'red-h1'])
  await two.docker(['rm', '-f', 'red-h2'])
  for (const host of [one, two]) await host.docker(['network', 'rm', 'red'])
  const ours = async (): Promise<string> => {
    const links = (await one.sh(['ip', '-o', 'link'])).stdout
    const routes = (await one.sh(['ip', 'route', 'show', 'proto', '116'])).stdout
    return [...links.split('\n').filter((line) => /: ts[bvp]-/.test(line)), routes.trim()].join('')
  }
  t.equal(await eventually(ours, (rest) => rest === ''), '')
  t.same(await foreign.changes(), [], 'after it')
})
