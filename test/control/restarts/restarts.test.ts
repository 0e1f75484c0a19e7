/** Containers that dockerd has given up because of us. */
import t from 'tap'
import type { IdleContainer, IdleContainers } from '../../../src/control/dockerd/docker-starts.js'
import { isGivenUp } from '../../../src/control/restarts/given-up.js'
import { isStartCall, Restarts } from '../../../src/control/restarts/restarts.js'
import { RecordingLogger } from '../../fakes/recording-logger.js'
import { host, idOf } from '../host.js'

const BLUE = idOf('blue')
/** As dockerd 26.1 has them. */
const OFF =
  'Post "http://plugin.moby.localhost/IpamDriver.RequestAddress": dial unix /run/docker/plugins/tsoverlay.sock: connect: no such file or directory'
const LACKING = 'plugin "tsoverlay" not found'
const REFUSED = 'IpamDriver.RequestAddress: waiting for the release of 10.52.0.9 took too long'

const one = (fields: Partial<IdleContainer> = {}): IdleContainer => ({
  id: 'c1',
  name: 'web',
  restartPolicy: 'always',
  error: OFF,
  ...fields,
})

t.test('what was given up because of a driver, and what was not', async (t) => {
  for (const error of [OFF, LACKING, REFUSED]) t.ok(isGivenUp(one({ error })), error)
  for (const restartPolicy of ['unless-stopped', 'on-failure'])
    t.ok(isGivenUp(one({ restartPolicy })), restartPolicy)
  for (const restartPolicy of ['no', '']) t.notOk(isGivenUp(one({ restartPolicy })), restartPolicy)
  t.notOk(isGivenUp(one({ error: '' })), 'a user stopped it')
  const others = ['exec: "nothing": executable file not found in $PATH', 'network blue not found']
  for (const error of others) t.notOk(isGivenUp(one({ error })), error)
})

t.test('calls of a start', async (t) => {
  t.ok(isStartCall('IpamDriver.RequestAddress'))
  t.ok(isStartCall('NetworkDriver.Join'))
  t.notOk(isStartCall('NetworkDriver.Leave'))
  t.notOk(isStartCall('NetworkDriver.CreateNetwork'))
})

/** What the test says that dockerd has. */
class Idle implements IdleContainers {
  readonly containers = new Map<string, IdleContainer>()
  readonly asked: string[][] = []
  readonly starts: string[] = []
  refuses = false

  async idle(networks: ReadonlySet<string>): Promise<readonly IdleContainer[]> {
    this.asked.push([...networks])
    return [...this.containers.values()]
  }

  async start(id: string): Promise<void> {
    this.starts.push(id)
    if (this.refuses) throw new Error('NetworkDriver.Join: not yet')
    this.containers.delete(id)
  }
}

t.test('they are started, with a line in the log, and others are not', async (t) => {
  const { docker: dockerd, journal } = await host(t)
  const logger = new RecordingLogger()
  const docker = new Idle()
  const restarts = new Restarts({ docker, journal, logger })
  t.equal(await restarts.look(), true)
  t.same(docker.asked, [], 'without a network dockerd is not asked')
  await dockerd.createNetwork(BLUE, { subnet: '10.20.0.0/16' })
  docker.containers.set('c1', one()).set('c2', one({ id: 'c2', error: '' }))
  t.equal(await restarts.look(), true)
  t.same(docker.asked, [[BLUE]])
  t.same(docker.starts, ['c1'])
  t.match(logger.lines.join('\n'), /container started again.*"container":"web"/)
})

t.test('one that does not start is tried ten times and then left to the user', async (t) => {
  const { docker: dockerd, journal } = await host(t)
  await dockerd.createNetwork(BLUE, { subnet: '10.20.0.0/16' })
  const logger = new RecordingLogger()
  const docker = new Idle()
  docker.refuses = true
  docker.containers.set('c1', one())
  const restarts = new Restarts({ docker, journal, logger })
  for (let look = 1; look < 10; look += 1) t.equal(await restarts.look(), false, `look ${look}`)
  t.equal(await restarts.look(), true)
  t.equal(await restarts.look(), true)
  t.equal(docker.starts.length, 10)
  t.match(logger.lines.join('\n'), /container given up: docker start web starts it/)
})
