/**
 * A Compose file that knows nothing of hosts, on three of them, one service each: everything reaches
 * everything by name, whatever comes and goes.
 */
import t from 'tap'
import { killPlugin, pluginPid } from '../faults/stage.js'
import { sleep } from '../lab/exec.js'
import { DEFAULT_SUITE } from '../lab/root.js'
import { createNetwork } from '../lab/tsoverlay.js'
import { resolved } from './names.js'
import { Project } from './project.js'
import { sharedLab } from './shared-lab.js'
import { appearsOn, goesFrom, inspect } from './synced.js'
import { eventually } from './traces.js'

/** The page of each tells its hostname. */
const SERVICE = `image: lab
    command: sh -c 'hostname >/www/index.html; exec httpd -f -p 80 -h /www'`
const SERVICES = `services:
  web:
    ${SERVICE}
    depends_on: [api]
  api:
    ${SERVICE}
    scale: 3
    depends_on: [db]
  db:
    ${SERVICE}
`
/** What a user writes, and who makes the network. */
const KINDS = [
  { made: 'by Compose', network: 'shop_default', networks: 'default: {driver: tsoverlay}' },
  { made: 'by hand', network: 'shared', networks: 'default: {name: shared, external: true}' },
] as const
/** The goal is 5 s. */
const FALLBACK_MS = 15_000
const BACK_MS = 60_000
/** dockerd gives up a plugin that ends so soon after its start. */
const FRESH_MS = 4_000
/** Up to bookworm, Debian has Compose in its former version only. */
const skip = DEFAULT_SUITE === 'bookworm' ? 'this suite has no docker compose' : false

for (const { made, network, networks } of KINDS) {
  t.test(`three services on three hosts, the network made ${made}`, { skip }, async (t) => {
    const lab = await sharedLab(t, 'on')
    const [one, two, three] = [lab.host(1), lab.host(2), lab.host(3)]
    const project = new Project(lab, `name: shop\n${SERVICES}networks:\n  ${networks}\n`)
    const up = ['up', '-d', '--no-deps']
    const allIsWell = async (text: string, count = 5): Promise<void> => {
      t.same(await project.faults(network), [], text)
      t.equal((await project.members()).length, count)
    }
    if (made === 'by hand') {
      await createNetwork(one, network)
      t.equal(await appearsOn(lab.hosts, network), 3)
    }

    await t.test('each host has started its service', async (t) => {
      await project.compose(one, ...up, 'web')
      t.equal(await appearsOn(lab.hosts, network), 3)
      await project.compose(two, ...up, 'api')
      await project.compose(three, ...up, 'db')
      await allIsWell('everything reaches everything')
      t.equal((await resolved(one, 'shop-web-1', 'api')).length, 3)
      t.equal((await resolved(three, 'shop-db-1', `API.${network}`)).length, 3)
    })

    await t.test('containers are made anew, fewer, more, restarted', async () => {
      await project.compose(three, ...up, '--force-recreate', '-t', '0', 'db')
      await allIsWell('db was made anew')
      await project.compose(two, ...up, '--scale', 'api=1', '-t', '0', 'api')
      await allIsWell('one api', 3)
      await project.compose(two, ...up, '--scale', 'api=3', 'api')
      await allIsWell('three apis')
      await project.compose(two, 'restart', '-t', '0', 'api')
      await project.compose(one, 'restart', '-t', '0', 'web')
      await allIsWell('api and web were restarted')
    })

    await t.test('the plugin hangs, is killed, and comes back', async (t) => {
      const apis = (await project.members()).filter(({ service }) => service === 'api')
      const [asker, other] = apis.map(({ name }) => name)
      const addresses = apis.map((api) => api.addresses.get(network) ?? '').sort()
      const web = (await project.members()).find(({ service }) => service === 'web')
      const ping = ['exec', asker ?? '', 'ping', '-c', '40', '-i', '0.5', '-W', '2']
      const pings = two.docker([...ping, web?.addresses.get(network) ?? ''], { timeoutMs: 90_000 })
      await sleep(FRESH_MS)
      const pid = await pluginPid(two)
      await two.sh(['kill', '-STOP', pid ?? ''])
      t.same(
        await eventually(
          () => resolved(two, asker ?? '', 'api'),
          (found) => found.join() === addresses.join(),
          FALLBACK_MS,
        ),
        addresses,
        'while it hangs, Docker answers for its own host',
      )
      t.equal((await resolved(two, asker ?? '', other ?? '')).length, 1)
      await killPlugin(two)
      await eventually(
        () => pluginPid(two),
        (found) => found !== undefined && found !== pid,
        BACK_MS,
      )
      await allIsWell('after it was killed and is back')
      t.match((await pings).stdout, / 0% packet loss/, 'who has an address goes on talking')
    })

    await t.test('killed while containers come and go on the other hosts', async () => {
      await sleep(FRESH_MS)
      await killPlugin(one)
      await project.compose(three, ...up, '--force-recreate', '-t', '0', 'db')
      await project.compose(two, ...up, '--scale', 'api=2', '-t', '0', 'api')
      await allIsWell('what happened meanwhile is known', 4)
    })

    await t.test('down everywhere: nothing is left of it', async (t) => {
      for (const host of lab.hosts) await project.compose(host, 'down', '-t', '0')
      t.same(await project.members(), [])
      if (made === 'by Compose') t.equal(await goesFrom(lab.hosts, network), 0)
      else t.ok(await inspect(one, network), 'the user removes what the user has made')
    })
  })
}
