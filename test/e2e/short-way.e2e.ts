/** What Docker users write: Compose files and commands with nothing but the driver, on several hosts. */
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { expectPing } from '../lab/conncheck.js'
import type { Host } from '../lab/host.js'
import { DEFAULT_SUITE } from '../lab/root.js'
import { addressOf, createNetwork, DRIVER, runSleeper } from '../lab/tsoverlay.js'
import { sharedLab } from './shared-lab.js'
import { appearsOn, goesFrom, problems } from './synced.js'
import { eventually, storeKeys } from './traces.js'

const WITHIN_MS = 60_000
const NO_PROBLEM = '{"docker":true,"problems":[]}'
/** Up to bookworm, Debian has Compose in its former version only. */
const skip = DEFAULT_SUITE === 'bookworm' ? 'this suite has no docker compose' : false

/** @returns the exit code and what Compose reports */
async function compose(
  host: Host,
  project: string,
  ...argv: string[]
): Promise<{ code: number; stderr: string }> {
  const file = `name: ${project}
services:
  web: {image: lab, command: sleep 3600}
  db: {image: lab, command: sleep 3600}
networks: {default: {driver: ${DRIVER}}}
`
  const folder = `/srv/${project}`
  await host.sh(['sh', '-c', `mkdir -p ${folder} && cat >${folder}/compose.yaml`], { input: file })
  return host.docker(['compose', '--project-directory', folder, ...argv], {
    timeoutMs: 180_000,
    check: false,
  })
}

async function inSync(hosts: readonly Host[]): Promise<string[]> {
  return eventually(
    () => Promise.all(hosts.map(problems)),
    (all) => all.every((text) => text === NO_PROBLEM),
    WITHIN_MS,
  )
}

/** Address of a container of the project, as soon as it is on the cluster's network. */
async function settled(host: Host, container: string): Promise<string> {
  const name = 'shop_default'
  return eventually(
    async () => {
      const id = (
        await host.docker(['network', 'inspect', '-f', '{{.Id}}', name], { check: false })
      ).stdout.trim()
      const format = `{{with index .NetworkSettings.Networks "${name}"}}{{.NetworkID}} {{.IPAddress}}{{end}}`
      const [on, ip = ''] = (await host.docker(['inspect', '-f', format, container])).stdout
        .trim()
        .split(' ')
      return on === id ? ip : ''
    },
    (ip) => ip !== '',
    WITHIN_MS,
  )
}

t.test('projects of Compose with only the driver', { skip }, async (t) => {
  const lab = await sharedLab(t, 'on')
  const [one, two] = [lab.host(1), lab.host(2)]

  t.test('three projects on three hosts in the same moment', async (t) => {
    const projects = ['shop', 'blog', 'wiki']
    const up = lab.hosts.map((host, at) => compose(host, `${projects[at]}`, 'up', '-d'))
    for (const { code, stderr } of await Promise.all(up)) t.equal(code, 0, stderr)
    for (const project of projects)
      t.equal(await appearsOn(lab.hosts, `${project}_default`, WITHIN_MS), 3)
    t.same(
      await inSync(lab.hosts),
      lab.hosts.map(() => NO_PROBLEM),
    )
    for (const [at, host] of lab.hosts.entries()) {
      const name = `${projects[at]}_default`
      const other = lab.host(((at + 1) % 3) + 1)
      await runSleeper(other, 'guest', name)
      await expectPing(host, `${projects[at]}-web-1`, await addressOf(other, 'guest', name))
      await other.docker(['rm', '-f', 'guest'])
    }
    await Promise.all(
      lab.hosts.map((host, at) => compose(host, `${projects[at]}`, 'down', '-t', '0')),
    )
    for (const project of projects) t.equal(await goesFrom(lab.hosts, `${project}_default`), 0)
  })

  t.test('one project on two hosts in the same moment, again and again', async (t) => {
    for (const round of [1, 2, 3]) {
      const up = await Promise.all([
        compose(one, 'shop', 'up', '-d', 'web'),
        compose(two, 'shop', 'up', '-d', 'db'),
      ])
      for (const { code, stderr } of up) t.equal(code, 0, `round ${round}: ${stderr}`)
      t.equal(await appearsOn(lab.hosts, 'shop_default', WITHIN_MS), 3)
      t.same(
        await inSync(lab.hosts),
        lab.hosts.map(() => NO_PROBLEM),
      )
      const [web, db] = [await settled(one, 'shop-web-1'), await settled(two, 'shop-db-1')]
      await expectPing(one, 'shop-web-1', db)
      await expectPing(two, 'shop-db-1', web)
      await Promise.all([one, two].map((host) => compose(host, 'shop', 'down', '-t', '0')))
      t.equal(await goesFrom(lab.hosts, 'shop_default'), 0)
    }
  })
})

t.test('two names with one subnet are two networks, on one host too', async (t) => {
  const lab = await sharedLab(t, 'on')
  const [one, two] = [lab.host(1), lab.host(2)]
  const subnet = ['--subnet', '10.40.0.0/16']
  await Promise.all([
    createNetwork(one, 'blue', subnet),
    createNetwork(one, 'red', subnet),
    createNetwork(two, 'green', subnet),
  ])
  const names = ['blue', 'red', 'green']
  for (const name of names) t.equal(await appearsOn(lab.hosts, name, WITHIN_MS), 3)
  const ip = ['--ip', '10.40.9.9']
  for (const name of names) {
    await runSleeper(two, `at-${name}`, name, ip)
    await runSleeper(one, `from-${name}`, name)
    await expectPing(one, `from-${name}`, '10.40.9.9')
  }
  t.same(
    await inSync(lab.hosts),
    lab.hosts.map(() => NO_PROBLEM),
  )
})

t.test('one name with one subnet on all hosts in the same moment is one network', async (t) => {
  const lab = await sharedLab(t, 'on')
  const [one, two] = [lab.host(1), lab.host(2)]
  await Promise.allSettled(
    lab.hosts.map((host) => createNetwork(host, 'blue', ['--subnet', '10.41.0.0/16'])),
  )
  t.equal(await appearsOn(lab.hosts, 'blue', WITHIN_MS), 3)
  t.same(
    await inSync(lab.hosts),
    lab.hosts.map(() => NO_PROBLEM),
  )
  t.equal((await storeKeys(lab, 'networks/')).length, 1)
  await runSleeper(two, 'web', 'blue')
  await runSleeper(one, 'app', 'blue')
  await expectPing(one, 'app', await addressOf(two, 'web', 'blue'))
})

t.test('created and removed at once, it is gone on all hosts', async (t) => {
  const lab = await sharedLab(t, 'on')
  const flags = ['--ipv6', '--subnet', '10.42.0.0/24', '--subnet', 'fd00:42::/64']
  for (let round = 0; round < 25; round += 1) {
    const host = lab.host((round % 3) + 1)
    await createNetwork(host, `gone${round}`, flags)
    await sleep((round * 20) % 500)
    await host.docker(['network', 'rm', `gone${round}`], { check: false })
  }
  await eventually(
    () => storeKeys(lab),
    (keys) => keys.length === 0,
    WITHIN_MS,
  )
  await sleep(3_000) // what comes back comes back by now
  for (const { stdout } of await Promise.all(
    lab.hosts.map((host) => host.docker(['network', 'ls', '--format', '{{.Name}}'])),
  ))
    t.notMatch(stdout, /gone/)
  t.same(await storeKeys(lab), [])
})

/** Names as dockerd lists them: not every one can stand in the URL of its API. */
async function namesOn(host: Host): Promise<string[]> {
  const argv = ['network', 'ls', '--filter', `driver=${DRIVER}`, '--format', '{{.Name}}']
  return (await host.docker(argv)).stdout.split('\n').filter(Boolean).sort()
}

t.test('every name that dockerd takes is on all hosts, and goes from all', async (t) => {
  const lab = await sharedLab(t, 'on')
  const one = lab.host(1)
  const names = ['..', '.', 'a.b', 'x'.repeat(64), 'netz-ü', '网络', 'a b', 'x%2fy'].sort()
  for (const name of names) await one.docker(['network', 'create', '-d', DRIVER, name])
  const everywhere = await eventually(
    () => Promise.all(lab.hosts.map(namesOn)),
    (all) => all.every((list) => list.join() === names.join()),
    WITHIN_MS,
  )
  for (const list of everywhere) t.same(list, names)
  t.same(
    await inSync(lab.hosts),
    lab.hosts.map(() => NO_PROBLEM),
  )
  const ids = (await lab.host(2).docker(['network', 'ls', '-q', '--filter', `driver=${DRIVER}`]))
    .stdout
  await lab.host(2).docker(['network', 'rm', ...ids.split('\n').filter(Boolean)])
  const gone = await eventually(
    () => Promise.all(lab.hosts.map(namesOn)),
    (all) => all.every((list) => list.length === 0),
    WITHIN_MS,
  )
  t.same(
    gone,
    lab.hosts.map(() => []),
  )
})

t.test('a range at the far end of a /64 gives addresses on every host', async (t) => {
  const lab = await sharedLab(t, 'on')
  const range = ['--subnet', 'fd00:43::/64', '--ip-range', 'fd00:43::ffff:ffff:ffff:0/112']
  await createNetwork(lab.host(1), 'far', ['--ipv6', '--subnet', '10.43.0.0/24', ...range])
  t.equal(await appearsOn(lab.hosts, 'far', WITHIN_MS), 3)
  const seen = new Set<string>()
  for (const host of lab.hosts) {
    await runSleeper(host, `at-${host.name}`, 'far')
    const format = '{{.NetworkSettings.Networks.far.GlobalIPv6Address}}'
    const ip = (await host.docker(['inspect', '-f', format, `at-${host.name}`])).stdout.trim()
    t.match(ip, /^fd00:43::ffff:ffff:ffff:/)
    seen.add(ip)
    await expectPing(lab.host(1), 'at-h1', ip)
  }
  t.equal(seen.size, 3)
})

t.test(
  'a name that the cluster has, with another subnet from dockerd: the first stands',
  async (t) => {
    const lab = await sharedLab(t, 'on')
    const [one, two] = [lab.host(1), lab.host(2)]
    const argv = (subnet: string) => ['network', 'create', '-d', DRIVER, '--subnet', subnet, 'blue']
    await Promise.allSettled([one.docker(argv('10.44.0.0/16')), two.docker(argv('10.45.0.0/16'))])
    t.equal(await appearsOn(lab.hosts, 'blue', WITHIN_MS), 3)
    t.same(
      await inSync(lab.hosts),
      lab.hosts.map(() => NO_PROBLEM),
    )
    await eventually(
      async () => (await storeKeys(lab, 'networks/')).length,
      (count) => count === 1,
      WITHIN_MS,
    )
    t.equal((await storeKeys(lab, 'networks/')).length, 1)
    const format = '{{range .IPAM.Config}}{{.Subnet}}{{end}}'
    const subnets = await Promise.all(
      lab.hosts.map((host) => host.docker(['network', 'inspect', '-f', format, 'blue'])),
    )
    t.equal(new Set(subnets.map(({ stdout }) => stdout)).size, 1)
    const again = await two.docker(argv('10.46.0.0/16'), { check: false })
    t.match(again.stderr, /already exists/)
  },
)
