/** A container keeps its address: while etcd is away, when it is restarted, and against others. */
import t, { type Test } from 'tap'
import { expectPing } from '../lab/conncheck.js'
import type { Host } from '../lab/host.js'
import { addressOf, createNetwork, DRIVER, runSleeper } from '../lab/tsoverlay.js'
import { sharedLab } from './shared-lab.js'
import { eventually } from './traces.js'

const SUBNET = ['--subnet', '10.70.0.0/16']

/** The lab with network `own` on all hosts, made one after the other: h1 has the first block. */
async function withNetwork(t: Test) {
  const lab = await sharedLab(t)
  for (const host of lab.hosts) await createNetwork(host, 'own', SUBNET)
  return lab
}

/** `.State.Error` of a container that does not run, else ''. */
async function errorOf(host: Host, name: string): Promise<string> {
  const format = '{{if .State.Running}}{{else}}{{.State.Status}}: {{.State.Error}}{{end}}'
  return (await host.docker(['inspect', '-f', format, name])).stdout.trim()
}

const restart = (host: Host, name: string) =>
  host.docker(['restart', '-t', '0', name], { check: false, timeoutMs: 60_000 })

t.test('while etcd is away containers are restarted with the address of --ip', async (t) => {
  const lab = await withNetwork(t)
  const [h1, h2] = [lab.host(1), lab.host(2)]
  await h2.docker(['network', 'create', '-d', DRIVER, '--subnet', '10.71.0.0/16', 'plain'])
  await runSleeper(h1, 'dynamic', 'own')
  await runSleeper(h1, 'inside', 'own', ['--ip', '10.70.0.40'])
  await runSleeper(h1, 'lent', 'own', ['--ip', '10.70.0.100'])
  await runSleeper(h2, 'plain', 'plain', ['--ip', '10.71.0.9'])
  const places = [
    { host: h1, name: 'inside', network: 'own', ip: '10.70.0.40' },
    { host: h1, name: 'lent', network: 'own', ip: '10.70.0.100' },
    { host: h2, name: 'plain', network: 'plain', ip: '10.71.0.9' },
  ]
  await lab.etcd.kill()
  try {
    for (const { host, name, network, ip } of [...places, ...places]) {
      const started = Date.now()
      await restart(host, name)
      t.comment(`${name}: ${Date.now() - started} ms`)
      t.equal(await errorOf(host, name), '', name)
      t.equal(await addressOf(host, name, network), ip)
    }
    await restart(h1, 'dynamic')
    t.equal(await errorOf(h1, 'dynamic'), '')
  } finally {
    await lab.etcd.start()
  }
  await runSleeper(h2, 'other', 'own')
  await expectPing(h2, 'other', '10.70.0.100', { withinMs: 30_000 })
  const taken = ['run', '--rm', '--net', 'own', '--ip', '10.70.0.100', 'lab', 'true']
  const { stderr } = await h2.docker(taken, { check: false })
  t.match(
    stderr,
    /address 10\.70\.0\.100 of subnet 10\.70\.0\.0\/16 is held by a container on host/,
  )
})

t.test('a container that is restarted, or its dockerd, has its address again', async (t) => {
  const lab = await withNetwork(t)
  const h1 = lab.host(1)
  await runSleeper(h1, 'first', 'own', ['--restart', 'always'])
  await runSleeper(h1, 'web', 'own')
  await runSleeper(h1, 'fixed', 'own', ['--ip', '10.70.0.40', '--restart', 'always'])
  const [first, web] = [await addressOf(h1, 'first', 'own'), await addressOf(h1, 'web', 'own')]
  for (let round = 0; round < 2; round += 1) {
    await restart(h1, 'web')
    t.equal(await addressOf(h1, 'web', 'own'), web)
  }
  await restart(h1, 'fixed')
  await restart(h1, 'web')
  await h1.docker(['rm', '-f', 'web'])
  await runSleeper(h1, 'new', 'own')
  t.equal(await addressOf(h1, 'new', 'own'), web, 'a container made anew')
  await h1.docker(['rm', '-f', 'new'])
  const run = ['run', '--rm', '--net', 'own', 'lab', 'hostname', '-i']
  const seen = new Set([(await h1.docker(run)).stdout, (await h1.docker(run)).stdout])
  t.equal(seen.size, 1, 'run --rm in a loop')
  await h1.dockerd.stop()
  await h1.dockerd.start()
  await eventually(
    async () => `${await errorOf(h1, 'first')}${await errorOf(h1, 'fixed')}`,
    (errors) => errors === '',
    30_000,
  )
  t.equal(await addressOf(h1, 'fixed', 'own'), '10.70.0.40')
  t.equal(await addressOf(h1, 'first', 'own'), first)
})

t.test('a MAC that a user gave has one container, and the refusal names its host', async (t) => {
  const lab = await withNetwork(t)
  const [h1, h2] = [lab.host(1), lab.host(2)]
  const flags = ['--mac-address', '02:aa:00:00:00:01']
  await runSleeper(h1, 'one', 'own', flags)
  const again = ['run', '-d', '--name', 'two', '--net', 'own', ...flags, 'lab', 'sleep', '3600']
  const { code, stderr } = await h2.docker(again, { check: false })
  t.not(code, 0)
  t.match(stderr, /MAC 02:aa:00:00:00:01 is held by a container on host h1/)
  await h1.docker(['restart', '-t', '0', 'one'])
  t.equal(await errorOf(h1, 'one'), '', 'its own container is no other')
  await h1.docker(['rm', '-f', 'one'])
  await eventually(
    async () => (await h2.docker(['start', 'two'], { check: false })).code,
    (started) => started === 0,
  )
  t.equal(await errorOf(h2, 'two'), '')
})
