/** The plugin itself: settings, stores, death and return. */
import t, { type Test } from 'tap'
import { expectPing } from '../lab/conncheck.js'
import type { Host } from '../lab/host.js'
import type { Lab } from '../lab/lab.js'
import { askAdmin } from '../lab/plugin-call.js'
import {
  addressOf,
  createNetwork,
  inSandbox,
  PLUGIN,
  runSleeper,
  sandboxOf,
} from '../lab/tsoverlay.js'
import { sharedLab } from './shared-lab.js'
import { eventually, kernelTraces, neighbours } from './traces.js'

const SUBNET = ['--subnet', '10.20.0.0/16']

/** Disables, sets and enables; whatever comes of it, the plugin has its former settings at the end. */
async function withSettings(
  t: Test,
  lab: Lab,
  host: Host,
  settings: Readonly<Record<string, string>>,
): Promise<{ code: number; stderr: string }> {
  const former = {
    STORE: lab.etcd.endpoint,
    ...Object.fromEntries(Object.keys(settings).map((key) => [key, ''])),
  }
  const set = (pairs: Readonly<Record<string, string>>): Promise<unknown> =>
    host.docker([
      'plugin',
      'set',
      PLUGIN,
      ...Object.entries(pairs).map(([key, value]) => `${key}=${value}`),
    ])
  await host.docker(['plugin', 'disable', '-f', PLUGIN])
  t.teardown(async () => {
    await host.docker(['plugin', 'disable', '-f', PLUGIN], { check: false })
    await set({ ...former, STORE: lab.etcd.endpoint })
    await host.docker(['plugin', 'enable', PLUGIN])
  })
  await set(settings)
  return host.docker(['plugin', 'enable', PLUGIN], { check: false })
}

/** What ping counted in a container that pinged all the while. */
async function pingWhile(
  from: Host,
  container: string,
  to: string,
  during: () => Promise<void>,
): Promise<string> {
  const start = `ping -i 0.05 ${to} >/tmp/ping.txt 2>&1 & echo $! >/tmp/ping.pid`
  await from.docker(['exec', container, 'sh', '-c', start])
  await during()
  const stop = 'kill -INT $(cat /tmp/ping.pid); sleep 0.5; cat /tmp/ping.txt'
  return (await from.docker(['exec', container, 'sh', '-c', stop])).stdout
}

async function pluginPid(host: Host): Promise<string> {
  return (await host.sh(['pgrep', '-f', '/usr/bin/node .*/app/main.js'])).stdout.trim()
}

t.test('wrong settings stop the start with one line that says what is allowed', async (t) => {
  const lab = await sharedLab(t)
  const cases: readonly (readonly [string, string, RegExp])[] = [
    [
      'VXLAN_PORT',
      '70000',
      /setting VXLAN_PORT=.{1,2}70000.{1,2} is not valid: allowed is a port number/,
    ],
    ['METRICS', '203.0.113.1:9000', /setting METRICS=.{1,2}203.0.113.1:9000.{1,2} cannot be used/],
    ['SCOPE', 'swarm', /setting SCOPE=.{1,2}swarm.{1,2} is not valid: allowed is local or global/],
    ['STORE', 'etcd:2379', /setting STORE=.{1,2}etcd:2379.{1,2} is not valid: allowed is .*http:/],
  ]
  for (const [name, value, line] of cases) {
    t.test(`${name}=${value}`, async (t) => {
      const { code } = await withSettings(t, lab, lab.host(1), { [name]: value })
      t.not(code, 0)
      t.match(await lab.host(1).dockerd.log(60), line)
    })
  }
})

t.test('with a store that does not answer', async (t) => {
  const lab = await sharedLab(t)
  const host = lab.host(1)
  const { code } = await withSettings(t, lab, host, { STORE: 'http://10.99.0.250:2379' })
  t.equal(code, 0, 'the plugin starts and answers')
  const { stderr } = await host.docker(
    ['network', 'create', '-d', 'tsoverlay', '--ipam-driver', 'tsoverlay', ...SUBNET, 'blue'],
    { check: false },
  )
  t.match(stderr, /STORE/)
  t.match(stderr, /10\.99\.0\.250:2379/)
  t.equal((await host.docker(['network', 'ls', '-q', '--filter', 'name=blue'])).stdout, '')
})

t.test('one host alone on the embedded store', async (t) => {
  const lab = await sharedLab(t)
  const host = lab.host(1)
  const { code } = await withSettings(t, lab, host, { STORE: '' })
  t.equal(code, 0)
  await createNetwork(host, 'alone', SUBNET)
  await runSleeper(host, 'ca', 'alone')
  await runSleeper(host, 'cb', 'alone')
  await expectPing(host, 'ca', await addressOf(host, 'cb', 'alone'))

  await t.test('its etcd is restarted when it dies', async (t) => {
    const pid = (await host.sh(['pgrep', '-f', '/usr/bin/etcd'])).stdout.trim()
    await host.sh(['kill', '-9', pid])
    await runSleeper(host, 'cc', 'alone')
    await expectPing(host, 'ca', await addressOf(host, 'cc', 'alone'))
    t.not((await host.sh(['pgrep', '-f', '/usr/bin/etcd'])).stdout.trim(), pid)
  })

  await t.test('its data outlives a disable and enable', async () => {
    await host.docker(['plugin', 'disable', '-f', PLUGIN])
    await host.docker(['plugin', 'enable', PLUGIN])
    await runSleeper(host, 'cd', 'alone')
    await expectPing(host, 'ca', await addressOf(host, 'cd', 'alone'))
  })
  await host.docker(['rm', '-f', 'ca', 'cb', 'cc', 'cd'])
  await host.docker(['network', 'rm', 'alone'])
})

interface TwoHosts {
  readonly one: Host
  readonly two: Host
  /** of the container cb on host two; ca on host one reaches it */
  readonly address: string
  /** of the network on host one */
  readonly sandbox: string
}

async function twoHosts(t: Test, flags: readonly string[] = []): Promise<TwoHosts> {
  const lab = await sharedLab(t)
  const [one, two] = [lab.host(1), lab.host(2)]
  for (const host of [one, two]) await createNetwork(host, 'blue', SUBNET)
  await runSleeper(one, 'ca', 'blue', flags)
  await runSleeper(two, 'cb', 'blue')
  const address = await addressOf(two, 'cb', 'blue')
  await expectPing(one, 'ca', address)
  return { one, two, address, sandbox: await sandboxOf(one, 'blue') }
}

t.test('the managed name works as a driver, too', async (t) => {
  const lab = await sharedLab(t)
  const name = `${PLUGIN}:latest`
  const [one, two] = [lab.host(1), lab.host(2)]
  await one.docker(['network', 'create', '-d', name, '--ipam-driver', name, ...SUBNET, 'blue'])
  await createNetwork(two, 'blue', SUBNET)
  await runSleeper(one, 'ca', 'blue')
  await runSleeper(two, 'cb', 'blue')
  await expectPing(one, 'ca', await addressOf(two, 'cb', 'blue'))
})

t.test('a killed plugin loses no packet and comes back', async (t) => {
  const { one, two, address, sandbox } = await twoHosts(t)
  const pid = await pluginPid(one)
  const counted = await pingWhile(one, 'ca', address, async () => {
    await one.sh(['kill', '-9', pid])
    await eventually(
      () => pluginPid(one).catch(() => ''),
      (found) => found !== '' && found !== pid,
    )
    await runSleeper(one, 'cc', 'blue')
  })
  t.match(counted, / 0% packet loss/)
  await expectPing(two, 'cb', await addressOf(one, 'cc', 'blue'))
  t.same(await kernelTraces(one), [sandbox], 'the sandbox was adopted, not made anew')
  t.same([...(await neighbours(one, sandbox)).keys()], [address])
})

t.test('a disabled plugin loses no packet', async (t) => {
  const { one, two, address } = await twoHosts(t)
  const counted = await pingWhile(one, 'ca', address, async () => {
    await one.docker(['plugin', 'disable', '-f', PLUGIN])
    await one.docker(['plugin', 'enable', PLUGIN])
  })
  t.match(counted, / 0% packet loss/)
  await runSleeper(one, 'cc', 'blue')
  await expectPing(two, 'cb', await addressOf(one, 'cc', 'blue'))
})

t.test('after a power loss the sandbox is built anew', async (t) => {
  const { one, two, address } = await twoHosts(t, ['--restart', 'always'])
  await expectPing(two, 'cb', await addressOf(one, 'ca', 'blue'))
  await one.powerOff()
  await one.boot()
  const running = ['inspect', '-f', '{{.State.Running}}', 'ca']
  await eventually(
    async () => (await one.docker(running)).stdout,
    (text) => text.includes('true'),
  )
  await expectPing(two, 'cb', await addressOf(one, 'ca', 'blue'))
  await expectPing(one, 'ca', address)
})

t.test('an address that nobody has is noticed and counted', async (t) => {
  const lab = await sharedLab(t)
  const host = lab.host(1)
  await createNetwork(host, 'blue', SUBNET)
  await runSleeper(host, 'ca', 'blue')
  const unknown = async (): Promise<number> => {
    const { body } = await askAdmin(host, '/status')
    return (body['misses'] as { unknown: number }).unknown
  }
  const before = await unknown()
  await host.docker(['exec', 'ca', 'ping', '-c', '1', '-W', '1', '10.20.200.200'], { check: false })
  t.ok((await eventually(unknown, (count) => count > before)) > before)
})

t.test('a neighbour deleted by hand is repaired when a container asks for it', async (t) => {
  const { one, address, sandbox } = await twoHosts(t)
  await inSandbox(one, sandbox, ['ip', 'neigh', 'del', address, 'dev', 'vxlan0'])
  // One that has not asked yet: the other's own ARP cache still knows the answer.
  await runSleeper(one, 'cd', 'blue')
  await expectPing(one, 'cd', address)
  t.ok((await neighbours(one, sandbox)).has(address))
})
