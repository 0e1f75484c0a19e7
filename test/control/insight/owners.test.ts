import t from 'tap'
import { type Owners, ownerOf } from '../../../src/control/insight/owners.js'
import type { NamespaceReading } from '../../../src/core/kernel.js'

const reading = (name: string, more: Partial<NamespaceReading> = {}): NamespaceReading => ({
  name,
  aliases: [],
  inode: 1,
  live: true,
  ours: false,
  links: [],
  ...more,
})
const container = (id: string, name: string, ...networks: string[]) => ({
  id,
  name,
  attachments: networks.map((network) => ({ name: network, mac: '' })),
  isOnHost: false,
})
const OWNERS: Owners = {
  containers: new Map([
    ['aaaaaaaaaaaa', [container('c1', 'web', 'shop'), container('c2', 'side')]],
    ['host', [container('c3', 'agent')]],
  ]),
  networks: new Map([
    ['0123456789abcdef', 'shop'],
    ['9876543210fedcba', 'swarmed'],
  ]),
  ours: new Set(['0123456789abcdef']),
}

t.test('each namespace has an owner', async (t) => {
  const kindOf = (one: NamespaceReading, owners = OWNERS) => {
    const { kind, owner } = ownerOf(one, owners)
    return `${kind}: ${owner}`
  }
  t.equal(kindOf(reading('host')), 'host: this host')
  t.equal(kindOf(reading('aaaaaaaaaaaa')), 'container: web, side')
  t.equal(kindOf(reading('1-0123456789', { ours: true })), 'network: network shop')
  t.equal(kindOf(reading('1-9876543210')), "docker: network swarmed, Docker's own")
  t.equal(
    kindOf(reading('lb_987654321')),
    "docker: swarm's load balancer of network swarmed, Docker's own",
  )
  t.equal(kindOf(reading('ingress_sbox')), "ingress: swarm's ingress of published ports")
  t.equal(
    kindOf(reading('1-5555555555', { ours: true })),
    'stale: a network that is not there any more (5555555555)',
  )
  t.equal(kindOf(reading('bbbbbbbbbbbb')), 'stale: no container that runs')
  t.equal(
    kindOf(reading('aaaaaaaaaaaa', { live: false })),
    'stale: nobody: a file that no namespace is on',
  )
})

t.test('a sandbox with our network’s name that we did not make is not ours', async (t) => {
  t.match(ownerOf(reading('1-0123456789'), OWNERS), { kind: 'docker', network: 'shop' })
})

t.test('without dockerd nobody is called stale', async (t) => {
  const silent = { ...OWNERS, containers: undefined }
  t.match(ownerOf(reading('aaaaaaaaaaaa'), silent), { kind: 'unknown' })
  t.match(ownerOf(reading('1-0123456789', { ours: true }), silent), { kind: 'network' })
  t.match(ownerOf(reading('host'), silent), { kind: 'host', owner: 'this host' })
})

t.test('a container is told with its networks, also under another name of its file', async (t) => {
  const { containers } = ownerOf(reading('cccccccccccc', { aliases: ['aaaaaaaaaaaa'] }), OWNERS)
  t.strictSame(containers, [
    { id: 'c1', name: 'web', networks: ['shop'] },
    { id: 'c2', name: 'side', networks: [] },
  ])
})
