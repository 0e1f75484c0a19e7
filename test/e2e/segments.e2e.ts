/** Hosts on two layer 2 segments with a router between: h1 and h2 on one, h3 and h4 on another. */
import t from 'tap'
import { capture } from '../lab/capture.js'
import { PLUGIN } from '../lab/tsoverlay.js'
import { inContainer } from './clusterwide.js'
import { pairsOf, placeAll, reachAll, tunnelled, VXLAN } from './placed.js'
import { segmentedLab } from './shared-lab.js'
import { namespaceOf } from './wire.js'

/** Of an IPv4 header and one of ICMP. */
const HEADERS = 28

t.test('the overlay across a router', async (t) => {
  const lab = await segmentedLab(t)
  const placed = await placeAll(lab, 'blue', ['--subnet', '10.20.0.0/16'])
  const [one, two, three] = placed
  if (one === undefined || two === undefined || three === undefined) throw new Error('no hosts')

  t.test('all pairs of four hosts reach each other by ping and TCP', async (t) => {
    const flows = await reachAll(t, lab, placed)
    for (const [{ host: from }, { host: to }] of pairsOf(placed)) {
      const apart = from.segment !== to.segment
      t.equal(tunnelled(flows, from.address, to.address), apart, `${from.name} to ${to.name}`)
    }
    const inner = new Set(placed.map(({ address }) => address))
    t.notOk(
      flows.some(({ from, to }) => inner.has(from) || inner.has(to)),
      'no packet of a container without its outer headers',
    )
  })

  t.test('on one segment and to the other, packets of containers are in VXLAN', async (t) => {
    const containers = `net ${one.address.replace(/\.\d+\.\d+$/, '')}`
    for (const { host, address } of [two, three]) {
      const packets = await capture(one.host, `udp port ${VXLAN} or ${containers}`, async () => {
        await inContainer(one.host, one.host.name, `ping -c 1 -W 2 ${address}`)
      })
      const outer = new RegExp(`^IP ${one.host.address}\\.\\d+ > ${host.address}\\.${VXLAN}: VXLAN`)
      const asked = packets.filter((text) => text.includes(`> ${address}: ICMP echo request`))
      t.equal(asked.length, 1)
      for (const text of asked) t.match(text, outer)
    }
  })

  t.test('the MTU is 50 less than the underlay’s, and full packets pass', async (t) => {
    t.equal(await inContainer(one.host, 'h1', 'cat /sys/class/net/eth0/mtu'), '1450\n')
    const namespace = await namespaceOf(one.host, 'h1')
    const unfragmented = (bytes: number) => {
      const ping = [
        'ping',
        '-c',
        '2',
        '-i',
        '0.2',
        '-W',
        '2',
        '-M',
        'do',
        '-s',
        `${bytes - HEADERS}`,
      ]
      const argv = ['nsenter', `--net=${namespace}`, ...ping, three.address]
      return one.host.sh(argv, { check: false })
    }
    t.match(await unfragmented(1_450), { code: 0, stdout: /2 received/ })
    t.match(await unfragmented(1_451), { code: 1, stderr: /message too long/i })
    await inContainer(three.host, 'h3', 'dd if=/dev/zero of=/www/big bs=1M count=20 2>/dev/null')
    const get = `timeout 60 wget -q -O - http://${three.address}/big | wc -c`
    t.equal((await inContainer(one.host, 'h1', get)).trim(), `${20 * 1024 * 1024}`)
  })
})

t.test('the overlay across a router over IPv6', async (t) => {
  const lab = await segmentedLab(t)
  const advertise = (value: string) =>
    Promise.all(
      lab.hosts.map(async (host) => {
        await host.docker(['plugin', 'disable', '-f', PLUGIN])
        await host.docker(['plugin', 'set', PLUGIN, `ADVERTISE=${value}`])
        await host.docker(['plugin', 'enable', PLUGIN])
      }),
    )
  await advertise('fd10::/16')
  t.teardown(() => advertise(''))
  const placed = await placeAll(lab, 'blue', ['--subnet', '10.20.0.0/16'])
  const flows = await reachAll(t, lab, placed)
  const over = flows.filter(({ port }) => port === VXLAN)
  t.ok(over.every(({ from, to }) => from.startsWith('fd10:') && to.startsWith('fd10:')))
  t.equal(new Set(over.map(({ from, to }) => `${from} ${to}`)).size, 8, 'each pair that is apart')
  t.equal(await inContainer(lab.host(1), 'h1', 'cat /sys/class/net/eth0/mtu'), '1430\n')
})
