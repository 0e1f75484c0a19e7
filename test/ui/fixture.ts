/**
 * A cluster of any size behind the real admin socket of one of its hosts. That host is as src/wire makes
 * it; what the others have is only in the store.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import { addRoutes } from '../../src/admin/routes/routes.js'
import { adminApp } from '../../src/admin/server.js'
import { resolveBackend } from '../../src/backends/index.js'
import { homeOf } from '../../src/control/passes/places.js'
import type { Cidr, Ip } from '../../src/core/ip.js'
import type { Mac } from '../../src/core/mac.js'
import type { Write } from '../../src/core/ports.js'
import type { Network } from '../../src/core/types.js'
import { documents } from '../../src/state/documents.js'
import { keys } from '../../src/state/keys.js'
import { resourcesOf } from '../admin/resources.js'
import { host, idOf, type TestHost } from '../control/host.js'
import { MemoryStore } from '../fakes/memory-store.js'
import { until } from '../fakes/until.js'

export interface Size {
  readonly hosts: number
  readonly networks: readonly string[]
  /** on each of the hosts but the first, in each network that it has */
  readonly each: number
}

export const THREE: Size = { hosts: 3, networks: ['shop', 'monitoring', 'backup'], each: 3 }
/** 199 hosts with 10 networks each and 5 endpoints in each: 9,950, and those of this host */
export const LARGE: Size = {
  hosts: 200,
  networks: Array.from({ length: 20 }, (_, at) => `team-${String(at + 1).padStart(2, '0')}`),
  each: 5,
}

interface Scope {
  teardown(work: () => unknown): unknown
}

const CONTAINERS = ['web', 'api', 'db', 'cache', 'queue', 'worker'] as const

export class TestCluster {
  readonly host: TestHost
  readonly store: MemoryStore
  readonly socketPath: string
  readonly networks: readonly Network[]
  #server: FastifyInstance | undefined

  constructor(made: Pick<TestCluster, 'host' | 'store' | 'socketPath' | 'networks'>) {
    this.host = made.host
    this.store = made.store
    this.socketPath = made.socketPath
    this.networks = made.networks
  }

  /**
   * The agent answers, by the real routes.
   * @param more routes beside them, or in place of them where `only` says so
   */
  async start(more: (app: FastifyInstance) => void = () => undefined, only = false): Promise<void> {
    const resources = resourcesOf(this.host, this.store)
    // probes of a kernel that is a fake would all wait for their time limit
    const doctor = { look: async () => undefined }
    const app = adminApp()
    if (!only) addRoutes(app, { ...resources, doctor })
    more(app)
    rmSync(this.socketPath, { force: true })
    await app.listen({ path: this.socketPath })
    this.#server = app
  }

  /** The agent goes. */
  async stop(): Promise<void> {
    await this.#server?.close()
    this.#server = undefined
  }

  /** A host's plugin dies, and its lease with it. */
  async lose(at: number): Promise<void> {
    await this.store.txn([], [{ delete: keys.alive(idAt(this, at)) }])
  }

  /** Another endpoint, as a host publishes it. @returns its id */
  async attach(at: number, network: Network, container: string): Promise<string> {
    const writes = endpointWrites(network, { id: idAt(this, at), at }, container, 200)
    await this.store.txn([], writes)
    return idOf(`${nameOf(at)} ${container}`)
  }

  /** What has gone through the ports of this host, in bytes: more with each call. */
  count(round: number): void {
    const { journal, dataplane } = this.host
    const places = new Map<string, Map<string, { received: number; sent: number }>>()
    let n = 0
    for (const { id, dockerNetwork } of journal.endpoints.values()) {
      const binding = journal.bindings.get(dockerNetwork)
      if (binding === undefined) continue
      const place = places.get(homeOf(binding)) ?? new Map()
      places.set(homeOf(binding), place)
      const scale = 10 ** (3 + (n++ % 5))
      const counted = { received: 4 * scale * round, sent: 7 * scale * round }
      place.set(resolveBackend(binding.network.backend).portOf(id), counted)
    }
    dataplane.counted.clear()
    for (const [place, counted] of places) dataplane.counted.set(place, counted)
  }
}

export async function testCluster(t: Scope, size: Size): Promise<TestCluster> {
  const store = new MemoryStore()
  // tap's own folder would be too long for a socket (sun_path, 107 bytes)
  const dir = mkdtempSync(join(tmpdir(), 'tsoverlay-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  const self = await host(t, { store, dir })
  const networks = await ownNetworks(self, size)
  const cluster = new TestCluster({
    host: self,
    store,
    socketPath: join(dir, 'admin.sock'),
    networks,
  })
  await until('the host has said all of itself', async () => {
    return self.outbox.owed === 0 && (await store.keys(keys.hosts)).length === 1
  })
  await fill(cluster, size)
  for (const network of self.journal.bindings.values()) self.peers.open(network.network.key)
  await self.presence.start()
  cluster.count(1)
  await cluster.start()
  t.teardown(() => cluster.stop())
  return cluster
}

/** As dockerd, which is a fake here, would say them. */
function ownNames({ journal }: TestHost): readonly Write[] {
  return [...journal.endpoints.values()].map((endpoint, at) => {
    const { id, network, host, boot, mac, addresses } = endpoint
    const names = [`${CONTAINERS[at % CONTAINERS.length]}-1`]
    const value = documents.endpoint.encode({ id, network, host, boot, mac, addresses, names })
    return { put: keys.endpoint(network, host, id), value }
  })
}

export const nameOf = (at: number): string => `node-${at + 1}`

function idAt(cluster: Pick<TestCluster, 'host'>, at: number): string {
  return at === 0 ? cluster.host.identity.id : idOf(`host ${at}`).slice(0, 32)
}

async function ownNetworks(self: TestHost, { networks, hosts }: Size): Promise<readonly Network[]> {
  const own = hosts > 10 ? networks.slice(0, 10) : networks
  const made: Network[] = []
  for (const [at, name] of networks.entries()) {
    const id = idOf(name)
    await self.docker.createNetwork(id, { subnet: `10.${20 + at}.0.0/16` })
    const count = own.includes(name) ? (at === 0 ? 4 : 2) : 0
    for (let n = 0; n < count; n++) await self.docker.run(id, idOf(`${name} own ${n}`))
    const network = self.journal.bindings.get(id)?.network
    if (network !== undefined) made.push(network)
  }
  return made
}

/** In transactions of a size that etcd would take, too. */
async function fill(cluster: TestCluster, size: Size): Promise<void> {
  const writes: Write[] = [...ownNames(cluster.host)]
  for (const [at, network] of cluster.networks.entries()) {
    const name = size.networks[at] ?? ''
    const publication = documents.publication.encode({
      key: network.key,
      name,
      labels: {},
      options: {},
      ipamOptions: {},
      pools: [{ subnet: network.segments[0]?.subnets[0]?.pool as Cidr, aux: {} }],
      internal: false,
      attachable: true,
      ipv6: false,
      ipam: 'tsoverlay',
    })
    writes.push({ put: keys.publication(network.key), value: publication })
  }
  for (let at = 0; at < size.hosts; at++) writes.push(...hostWrites(cluster, size, at))
  for (let at = 0; at < writes.length; at += 100) {
    await cluster.store.txn([], writes.slice(at, at + 100))
  }
}

function hostWrites(cluster: TestCluster, size: Size, at: number): readonly Write[] {
  const id = idAt(cluster, at)
  const vtep = `192.0.${2 + Math.floor(at / 250)}.${(at % 250) + 1}` as Ip
  const writes: Write[] = [{ put: keys.alive(id), value: '' }]
  // the host under test says itself who it is
  if (at === 0) return writes
  const record = documents.host.encode({ id, name: nameOf(at), vtep, boot: 'b' })
  writes.push({ put: keys.host(id), value: record })
  for (const [n, network] of cluster.networks.entries()) {
    // of many networks a host has every other one
    if (size.networks.length > 10 && (n + at) % 2 === 0) continue
    const attachment = documents.attachment.encode({ dockerNetwork: idOf(`${id} ${network.key}`) })
    writes.push({ put: keys.attachment(network.key, id), value: attachment })
    const pool = network.segments[0]?.subnets[0]?.pool as Cidr
    const block = `10.${20 + n}.${at}.0/24` as Cidr
    const ref = { space: network.space, pool }
    writes.push({ put: keys.block(ref, block), value: documents.block.encode({ host: id }) })
    writes.push({ put: keys.holder(ref, id), value: '{}' })
    for (let each = 0; each < size.each; each++) {
      const container = `${CONTAINERS[each % CONTAINERS.length]}-${at + 1}`
      writes.push(...endpointWrites(network, { id, at }, container, each))
    }
  }
  return writes
}

function endpointWrites(
  network: Network,
  owner: { readonly id: string; readonly at: number },
  container: string,
  each: number,
): readonly Write[] {
  const id = idOf(`${network.key} ${nameOf(owner.at)} ${container}`)
  const pool = network.segments[0]?.subnets[0]?.pool ?? ''
  const [, second = '0'] = pool.split('.')
  const ip = `10.${second}.${owner.at}.${each + 2}`
  const hex = [Number(second), owner.at, each].map((n) => n.toString(16).padStart(2, '0'))
  const value = documents.endpoint.encode({
    id,
    network: network.key,
    host: owner.id,
    boot: 'b',
    mac: `02:42:0a:${hex.join(':')}` as Mac,
    addresses: [`${ip}/16` as Cidr],
    names: [container],
  })
  const address = documents.address.encode({ host: owner.id, kind: 'endpoint' })
  const ref = { space: network.space, pool: pool as Cidr }
  return [
    { put: keys.endpoint(network.key, owner.id, id), value },
    { put: keys.address(ref, ip as Ip), value: address },
  ]
}
