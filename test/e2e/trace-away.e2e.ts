/** Paths that end at what is not there: a name, a plugin, a host, the store. trace says so, and what mends it. */
import t from 'tap'
import { expectNoPing, expectPing } from '../lab/conncheck.js'
import { addressOf, inSandbox, PLUGIN, runSleeper, sandboxOf } from '../lab/tsoverlay.js'
import { createOn, inContainer, inNamespaceOf } from './clusterwide.js'
import { sharedLab } from './shared-lab.js'
import { expectBroken, expectWell, mend } from './traced.js'

t.test('a path', async (t) => {
  const lab = await sharedLab(t)
  const [one, two, three] = [lab.host(1), lab.host(2), lab.host(3)]
  await createOn(lab.hosts, 'blue', ['--subnet', '10.20.0.0/16'])
  for (const host of lab.hosts) await runSleeper(host, `blue${host.name}`, 'blue')
  const [here, there] = [
    await addressOf(one, 'blueh1', 'blue'),
    await addressOf(two, 'blueh2', 'blue'),
  ]
  const mac = /ether (\S+)/.exec(await inContainer(two, 'blueh2', 'ip link show eth0'))?.[1]
  const sandbox = await sandboxOf(one, 'blue')
  const port = /(veth\S+?)@/.exec(await inSandbox(one, sandbox, ['ip', '-o', 'link']))?.[1]
  const pair = ['blueh1', 'blueh2']
  await expectPing(one, 'blueh1', there)

  /** While the plugin runs it puts these right within a second. */
  const unkept: readonly (readonly [string, string])[] = [
    ['a neighbour is gone', 'ip neigh flush dev vxlan0 nud permanent'],
    [
      'an FDB entry leads to another host',
      `bridge fdb replace ${mac} dev vxlan0 dst ${three.address} self permanent`,
    ],
    [
      'a device has another VNI',
      'ip link del vxlan0; ip link add vxlan0 type vxlan id 9999 dstport 4789; ip link set vxlan0 master br0 up',
    ],
    ['a port of the bridge is down', `ip link set ${port} down`],
  ]
  for (const [what, command] of unkept) {
    t.test(`to a host whose plugin does not run, where ${what}`, async (t) => {
      await one.docker(['plugin', 'disable', '-f', PLUGIN], { timeoutMs: 60_000 })
      await inSandbox(one, sandbox, ['sh', '-c', command])
      await inNamespaceOf(one, 'blueh1', 'ip neigh flush dev eth0')
      await expectNoPing(one, 'blueh1', there)
      const expected = { on: 'h2', hop: 'agent', says: /does not run.*answers on/ }
      await mend(lab, await expectBroken(t, two, ['blueh2', 'blueh1'], expected))
      // asked for once more, as the container remembers that nobody has answered
      await expectPing(one, 'blueh1', there, { withinMs: 30_000 })
      await expectWell(t, two, 'blueh2', here)
    })
  }

  t.test('to a container that has left the network', async (t) => {
    await two.docker(['network', 'disconnect', 'blue', 'blueh2'])
    const expected = { on: 'h1', hop: 'network', says: /blueh2 of h2 is in the networks none/ }
    await mend(lab, await expectBroken(t, one, pair, expected))
    await expectWell(t, one, ...pair)
  })

  t.test('to a container that does not run', async (t) => {
    await two.docker(['stop', '-t', '0', 'blueh2'])
    const expected = { on: 'h1', hop: 'name', says: /blueh2 of h2 is exited/ }
    await mend(lab, await expectBroken(t, one, pair, expected))
    await expectWell(t, one, ...pair)
  })

  t.test(
    'to a name or an address that nobody has: those that there are can be listed',
    async (t) => {
      const name = { on: 'h1', hop: 'name', says: /no running container of blue has this name/ }
      t.match(await mend(lab, await expectBroken(t, one, ['blueh1', 'bluh2'], name)), /^blueh2 /m)
      const address = {
        on: 'h1',
        hop: 'address',
        says: /no running container of blue has this addr/,
      }
      const list = await mend(lab, await expectBroken(t, one, ['blueh1', '10.20.99.99'], address))
      t.match(list, await addressOf(two, 'blueh2', 'blue'))
    },
  )

  t.test('to a host that is off', async (t) => {
    const lost = await addressOf(three, 'blueh3', 'blue')
    await three.powerOff()
    const expected = { on: 'h1', hop: 'host', says: /it is off, or its cable/ }
    await expectBroken(t, one, ['blueh1', 'blueh3'], expected)
    await three.boot()
    await three.docker(['start', 'blueh3'])
    await expectWell(t, one, 'blueh1', 'blueh3')

    t.comment('and does not come back')
    await three.powerOff()
    t.teardown(() => three.boot())
    const gone = { ...expected, says: /nor in the store: it is off/ }
    await mend(lab, await expectBroken(t, one, ['blueh1', 'blueh3'], gone))
    // what it had is free
    await runSleeper(two, 'blueh3', 'blue', ['--ip', lost])
    await expectWell(t, one, 'blueh1', 'blueh3')
    await expectPing(one, 'blueh1', lost)
  })

  t.test("while the host's own firewall keeps it from the store", async (t) => {
    const drop = ['OUTPUT', '-p', 'tcp', '--dport', '2379', '-j', 'DROP']
    t.teardown(() => one.sh(['iptables', '-w', '-D', ...drop]))
    await one.sh(['iptables', '-w', '-A', ...drop])
    const says = /chain OUTPUT \(table ip filter\) refuses/
    await mend(lab, await expectBroken(t, one, pair, { on: 'h1', hop: 'firewall', says }))
    await expectWell(t, one, ...pair)
  })

  t.test('while the store does not answer', async (t) => {
    await lab.etcd.stop()
    const says = new RegExp(`^etcd at ${lab.etcd.endpoint} does not answer this host`)
    const found = await expectBroken(t, one, pair, { on: 'h1', hop: 'store', says })
    await t.rejects(mend(lab, found), /ended with 3/, 'it shows that nobody answers')
    await lab.etcd.start()
    await expectWell(t, one, ...pair)
    t.match(await mend(lab, found), /^0 failed/, 'and that it answers again')
  })
})
