/** Addresses of routed networks, as dockerd takes them: blocks, prefix lengths, what is refused. */
import t, { type Test } from 'tap'
import type { Host } from '../lab/host.js'
import { addressOf, createNetwork, DRIVER, runSleeper } from '../lab/tsoverlay.js'
import { createOn, inContainer, refusedRun } from './clusterwide.js'
import { sharedLab } from './shared-lab.js'
import { eventually, storeKeys } from './traces.js'

const ROUTED = ['-o', 'backend=vxlan']
const flags = (pool: string, ...more: string[]): string[] => ['--subnet', pool, ...ROUTED, ...more]

async function refusedCreate(host: Host, ipam: string, more: readonly string[]): Promise<string> {
  const argv = ['network', 'create', '-d', DRIVER, '--ipam-driver', ipam, ...more, 'bad']
  const { code, stderr } = await host.docker(argv, { check: false })
  return code === 0 ? 'it was created' : stderr
}

async function prefixOf(host: Host, container: string, network: string): Promise<string> {
  const format = `{{(index .NetworkSettings.Networks "${network}").IPPrefixLen}}`
  return (await host.docker(['inspect', '-f', format, container])).stdout.trim()
}

async function twoOn(t: Test, network: string, pool: string, ...more: string[]) {
  const lab = await sharedLab(t)
  const [one, two] = [lab.host(1), lab.host(2)]
  await createOn([one, two], network, flags(pool, ...more))
  return { lab, one, two }
}

t.test('containers have the length of their block, and outside of it they are alone', async (t) => {
  const { lab, one, two } = await twoOn(t, 'routed', '10.44.0.0/16')
  await runSleeper(one, 'ca', 'routed')
  await runSleeper(two, 'cb', 'routed')
  await runSleeper(two, 'cc', 'routed', ['--ip', '10.44.0.77'])
  t.equal(await addressOf(one, 'ca', 'routed'), '10.44.0.2')
  t.equal(await addressOf(two, 'cb', 'routed'), '10.44.1.2')
  for (const [host, name, length] of [
    [one, 'ca', '24'],
    [two, 'cb', '24'],
    [two, 'cc', '32'],
  ] as const) {
    t.equal(await prefixOf(host, name, 'routed'), length, name)
    const shown = await inContainer(host, name, 'ip -4 addr show dev eth0')
    t.match(shown, new RegExp(`inet 10\\.44\\.\\d+\\.\\d+/${length}`), name)
  }
  t.same(
    (await storeKeys(lab, 'blocks/')).map((key) => key.split('/').at(-1)),
    ['10.44.0.0-24', '10.44.1.0-24'],
    'nothing is left of the blocks that RequestPool has claimed',
  )
  for (const [ip, purpose] of [
    ['10.44.0.255', 'the broadcast address of the block 10.44.0.0/24'],
    ['10.44.1.1', 'the gateway of the block 10.44.1.0/24'],
    ['10.44.9.0', 'the network address of the block 10.44.9.0/24'],
  ] as const)
    t.match(await refusedRun(two, 'routed', ['--ip', ip]), `it is ${purpose}`)
  await one.docker(['restart', '-t', '0', 'ca'])
  t.equal(await addressOf(one, 'ca', 'routed'), '10.44.0.2', 'its own again')
})

t.test('what cannot have blocks of its own is refused, and nothing stays', async (t) => {
  const { lab, one } = await twoOn(
    t,
    'routed',
    '10.44.0.0/16',
    '--ipam-opt',
    'network=routed',
    '-o',
    'network=routed',
  )
  const before = await storeKeys(lab)
  for (const [ipam, more, said] of [
    ['default', flags('10.45.0.0/16'), /backend=vxlan .* needs --ipam-driver tsoverlay/],
    [DRIVER, flags('10.45.0.0/29'), /10\.45\.0\.0\/29 is too small for this backend/],
    [DRIVER, flags('10.46.0.0/24', '--ipam-opt', 'block=24'), /block=24 .* from 25 to 29/],
    [DRIVER, flags('10.44.16.0/20'), /10\.44\.16\.0\/20 overlaps 10\.44\.0\.0\/16 of network/],
    [DRIVER, ['--subnet', '10.44.0.0/20'], /overlaps 10\.44\.0\.0\/16 of network/],
  ] as const)
    t.match(await refusedCreate(one, ipam, more), said)
  const after = await eventually(
    () => storeKeys(lab),
    (keys) => keys.length === before.length,
  )
  t.same(after, before)
})

t.test('a pool of fewer blocks than hosts goes on with single addresses', async (t) => {
  const { lab, one, two } = await twoOn(t, 'routed', '10.44.0.0/28')
  const three = lab.host(3)
  await createNetwork(three, 'routed', flags('10.44.0.0/28'))
  for (const [host, name] of [
    [one, 'ca'],
    [two, 'cb'],
    [three, 'cc'],
  ] as const)
    await runSleeper(host, name, 'routed')
  t.equal(await prefixOf(one, 'ca', 'routed'), '29')
  t.equal(await prefixOf(two, 'cb', 'routed'), '29')
  t.equal(await prefixOf(three, 'cc', 'routed'), '32')
})
