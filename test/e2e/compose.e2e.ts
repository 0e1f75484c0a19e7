/** One Compose project on two hosts, and the life of its network. */
import t from 'tap'
import { expectPing } from '../lab/conncheck.js'
import type { Host } from '../lab/host.js'
import { DEFAULT_SUITE } from '../lab/root.js'
import { DRIVER } from '../lab/tsoverlay.js'
import { inContainer } from './clusterwide.js'
import { Project } from './project.js'
import { sharedLab } from './shared-lab.js'
import { appearsOn, countOf, goesFrom, idOf, inspect } from './synced.js'
import { eventually, storeKeys } from './traces.js'

const PROJECT = `name: shop
services:
  web:
    image: lab
    command: httpd -f -p 80 -h /www
    networks: {back: {ipv4_address: 10.30.0.10}}
  db:
    image: lab
    command: sleep 3600
    networks: {back: {ipv4_address: 10.30.0.20}}
networks:
  back:
    driver: ${DRIVER}
    ipam:
      driver: ${DRIVER}
      config: [{subnet: 10.30.0.0/16}]
`
/** Up to bookworm, Debian has Compose in its former version only. */
const skip = DEFAULT_SUITE === 'bookworm' ? 'this suite has no docker compose' : false

t.test('one project on two hosts: a service on each', { skip }, async (t) => {
  const lab = await sharedLab(t, 'on')
  const [one, two] = [lab.host(1), lab.host(2)]
  const project = new Project(lab, PROJECT)
  t.match(await project.compose(one, 'up', '-d', 'web'), /Network shop_back +Created/)
  t.equal(await appearsOn(lab.hosts, 'shop_back'), 3)

  t.test('the second host takes the network that is there for its own', async (t) => {
    const before = await idOf(two, 'shop_back')
    t.notMatch(await project.compose(two, 'up', '-d', 'db'), /shop_back|label|warn/i)
    t.equal(await idOf(two, 'shop_back'), before)
    const labels = { 'com.docker.compose.project': 'shop', 'com.docker.compose.network': 'back' }
    t.match(await inspect(two, 'shop_back'), { Labels: labels, Driver: DRIVER })
    t.match(await inspect(one, 'shop_back'), { Labels: labels, Driver: DRIVER })
  })

  t.test('the services reach each other by address and by name', async (t) => {
    await expectPing(one, 'shop-web-1', '10.30.0.20')
    await expectPing(one, 'shop-web-1', 'db')
    await expectPing(two, 'shop-db-1', 'web')
    const page = await inContainer(two, 'shop-db-1', 'wget -q -T 5 -O - http://web/ 2>&1 || true')
    t.match(page, /404/, 'the web server has no page, and says so')
  })

  t.test('up once more changes nothing', async (t) => {
    const before = await idOf(one, 'shop_back')
    t.notMatch(await project.compose(one, 'up', '-d', 'web'), /Creat|Recreat/)
    t.equal(await idOf(one, 'shop_back'), before)
  })

  t.test('down on one host: its containers go, the network comes back', async (t) => {
    const before = await idOf(one, 'shop_back')
    t.match(await project.compose(one, 'down', '-t', '0'), /Network shop_back +Removed/)
    const back = eventually(
      () => idOf(one, 'shop_back'),
      (id) => id !== undefined && id !== before,
    )
    t.ok(await back)
    t.equal(await countOf(lab.hosts, 'shop_back'), 3)
    t.match(await one.dockerd.log(200), /created here again, as others use it/)
    await project.compose(one, 'up', '-d', 'web')
    await expectPing(one, 'shop-web-1', 'db')
    await expectPing(two, 'shop-db-1', 'web')
  })

  t.test('down on both: nothing is left', async (t) => {
    await project.compose(one, 'down', '-t', '0')
    await project.compose(two, 'down', '-t', '0')
    t.equal(await goesFrom(lab.hosts, 'shop_back'), 0)
    const left = eventually(
      () => storeKeys(lab),
      (keys) => keys.length === 0,
    )
    t.same(await left, [])
  })
})

t.test('up on two hosts at once, then down at once', { skip }, async (t) => {
  const lab = await sharedLab(t, 'on')
  const [one, two] = [lab.host(1), lab.host(2)]
  const project = new Project(lab, PROJECT)
  await Promise.all([upOrAgain(project, one, 'web'), upOrAgain(project, two, 'db')])
  await expectPing(one, 'shop-web-1', 'db')
  await expectPing(two, 'shop-db-1', 'web')
  t.equal(await appearsOn(lab.hosts, 'shop_back'), 3)
  await Promise.all([
    project.compose(one, 'down', '-t', '0'),
    project.compose(two, 'down', '-t', '0'),
  ])
  t.equal(await goesFrom(lab.hosts, 'shop_back'), 0)
})

/** The network may come from the other host between Compose's look and its own creation. */
async function upOrAgain(project: Project, host: Host, service: string): Promise<void> {
  const up = () => project.compose(host, 'up', '-d', service)
  await up().catch((error: unknown) => {
    if (!/already (exists|used)|already has the network/.test(`${error}`)) throw error
    return up()
  })
}
