/**
 * Some hosts of cluster.ts in one process: the whole control half, with a store client of its own for
 * each, over a kernel and a dockerd of the tests. What one sends to another comes back at once.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseConfig } from '../../src/core/config.js'
import type { Logger } from '../../src/core/ports.js'
import { FencedStore } from '../../src/state/fenced-store.js'
import { keys } from '../../src/state/keys.js'
import type { WireOptions } from '../../src/wire/options.js'
import { close, takeUp, type Wired, wire } from '../../src/wire/wire.js'
import { connect } from '../contract/real-store.js'
import { FakeDocker } from '../control/dockerd/fake-docker.js'
import { FakeHostPorts } from '../fakes/fake-host-ports.js'
import { RecordingDataplane } from '../fakes/recording-dataplane.js'
import { groupEndpoint, groupNetwork, hostOf } from './cluster.js'

export interface Order {
  /** numbers of hosts, the last one not among them */
  readonly from: number
  readonly to: number
  /** of etcd */
  readonly endpoint: string
}

const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} }

function answering(at: number): RecordingDataplane {
  const dataplane = new RecordingDataplane()
  dataplane.address = { vtep: hostOf(at).vtep, mtu: 1500 }
  dataplane.onProbeSent = (probe) => {
    queueMicrotask(() => {
      for (const hear of dataplane.ears.values()) hear({ ...probe, kind: 'answer' })
    })
    return undefined
  }
  return dataplane
}

async function startHost(at: number, endpoint: string, dir: string): Promise<Wired> {
  const identity = hostOf(at)
  const store = connect([endpoint])
  const fenced = new FencedStore(store, keys.hostGate(identity.id), identity.boot)
  const options: WireOptions = {
    config: parseConfig({ NETWORK_SYNC: 'off' }),
    paths: { data: join(dir, identity.id, 'data'), run: join(dir, identity.id, 'run') },
    store,
    identified: { identity, store: fenced },
    dataplane: answering(at),
    docker: new FakeDocker(),
    serve: () => {
      throw new Error('no container asks for names here')
    },
    greeting: { greet: () => undefined },
    hostPorts: new FakeHostPorts(),
    logger: silent,
  }
  const wired = wire(options)
  const { bindings, endpoints } = wired.state.journal
  const dockerNetwork = at.toString(16).padStart(64, '0')
  bindings.put({ dockerNetwork, network: groupNetwork(at), ipam: 'tsoverlay' })
  endpoints.put({ ...groupEndpoint(at), dockerNetwork, joined: true })
  await takeUp(options, wired, () => wired.control.presence.start())
  return wired
}

async function main({ from, to, endpoint }: Order): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'tsoverlay-cluster-'))
  process.on('exit', () => rmSync(dir, { recursive: true, force: true }))
  const hosts: Wired[] = []
  for (let at = from; at < to; at += 1) hosts.push(await startHost(at, endpoint, dir))
  process.once('disconnect', () => {
    void Promise.allSettled(hosts.map((host) => close(host))).then(() => process.exit(0))
  })
  process.send?.('ready')
}

process.once('message', (order: Order) => void main(order))
