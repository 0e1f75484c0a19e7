/** Hosts whose dockerds are kept in sync over one store in memory. */
import type { NetworkSync } from '../../../src/control/sync/network-sync.js'
import { folder } from '../../fakes/folder.js'
import { MemoryStore } from '../../fakes/memory-store.js'
import { until } from '../../fakes/until.js'
import type { FakeDocker } from '../dockerd/fake-docker.js'
import { startHost, type TestHost } from '../host.js'

interface Scope {
  teardown(work: () => unknown): unknown
}

export interface SyncedHost {
  readonly host: TestHost
  readonly docker: FakeDocker
  readonly sync: NetworkSync
}

export interface Cluster {
  readonly store: MemoryStore
  readonly hosts: readonly [SyncedHost, SyncedHost, SyncedHost]
}

/** @param started how many of the three follow from the start */
export async function cluster(t: Scope, started = 3): Promise<Cluster> {
  const dirs = folder(t)
  const store = new MemoryStore()
  const member = async (letter: string, index: number): Promise<SyncedHost> => {
    const own = index === 0 ? store : store.peer()
    const vtep = `192.0.2.${index + 1}`
    const host = await startHost({ store: own, dir: `${dirs}/${letter}`, vtep, synced: true })
    const { api: docker, sync } = host
    if (sync === undefined) throw new Error('network sync is off')
    if (index < started) sync.start()
    t.teardown(() => host.close())
    return { host, docker, sync }
  }
  const hosts = [await member('a', 0), await member('b', 1), await member('c', 2)] as const
  return { store, hosts: [...hosts] }
}

/** Waits until each of these hosts has a network of this name. */
export function everywhere(hosts: readonly SyncedHost[], name: string): Promise<void> {
  return until(`${name} is on all hosts`, () => hosts.every(({ docker }) => docker.byName(name)))
}

export function nowhere(hosts: readonly SyncedHost[], name: string): Promise<void> {
  return until(`${name} is on no host`, () => !hosts.some(({ docker }) => docker.byName(name)))
}

/** The key under which the cluster knows a host's network. */
export function keyOn({ host, docker }: SyncedHost, name: string): string | undefined {
  return host.journal.bindings.get(docker.byName(name)?.id ?? '')?.network.key
}

/** What the log says, as text. */
export function logOf({ host }: SyncedHost): string {
  return host.logger.lines.join('\n')
}
