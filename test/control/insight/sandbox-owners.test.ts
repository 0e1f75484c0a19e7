import t from 'tap'
import { SandboxOwners } from '../../../src/control/insight/sandbox-owners.js'
import { RecordingLogger } from '../../fakes/recording-logger.js'
import { FakeDocker } from '../dockerd/fake-docker.js'

const container = (id: string, more = {}) => ({
  id,
  name: id,
  attachments: [],
  isOnHost: false,
  ...more,
})

class CountingDocker extends FakeDocker {
  asked: string[] = []

  override async sandboxOf(id: string): Promise<string | undefined> {
    this.asked.push(id)
    if (id === 'starts') throw new Error('waiting for dockerd took too long')
    return super.sandboxOf(id)
  }
}

t.test('dockerd is asked once for each container, as long as its file is there', async (t) => {
  const docker = new CountingDocker()
  const owners = new SandboxOwners(docker, new RecordingLogger())
  docker.sandboxed.set(container('web'), 'f1')
  docker.sandboxed.set(container('side', { shares: 'web' }), '')
  docker.sandboxed.set(container('agent', { isOnHost: true }), '')
  docker.sandboxed.set(container('starts'), 'f9')
  const names = async (...live: string[]) => {
    const found = await owners.containers(new Set(live))
    return [...(found ?? [])].map(([file, all]) => `${file}: ${all.map(({ name }) => name)}`)
  }
  t.strictSame(await names('f1'), ['f1: web,side', 'host: agent'])
  t.strictSame(docker.asked, ['web', 'starts'])
  t.strictSame(await names('f1'), ['f1: web,side', 'host: agent'])
  t.strictSame(docker.asked, ['web', 'starts', 'starts'], 'what is known is not asked again')
  // it has started anew
  for (const one of docker.sandboxed.keys()) {
    if (one.id === 'web') docker.sandboxed.set(one, 'f2')
  }
  t.strictSame(await names('f2'), ['f2: web,side', 'host: agent'])
  docker.up = false
  t.equal(await owners.containers(new Set()), undefined)
  t.equal((await owners.networks()).size, 0)
})
