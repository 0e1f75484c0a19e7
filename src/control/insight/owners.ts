/** Whose a namespace is: pure. Names are moby's (libnetwork sandbox.go, drivers/overlay/ov_network.go). */
import type { NamespaceReport } from '../../core/admin/kernel.js'
import type { NamespaceReading } from '../../core/kernel.js'
import { HOST } from '../../core/plan.js'
import type { RunningContainer } from '../dockerd/docker-sandboxes.js'

/** What is known of who may own one. */
export interface Owners {
  /** file → those that are in it; undefined: dockerd did not say */
  readonly containers: ReadonlyMap<string, readonly RunningContainer[]> | undefined
  /** Docker's id → what it calls the network, ours and others */
  readonly networks: ReadonlyMap<string, string>
  /** ids of those that this host has of ours */
  readonly ours: ReadonlySet<string>
}

export type Owned = Pick<NamespaceReport, 'kind' | 'owner' | 'containers' | 'network' | 'networkId'>

/** `1-` and ten characters of the network's id; of a load balancer (swarm) nine. */
const SANDBOX = /^(?:\d+-|lb_)([0-9a-z]{9,10})$/

export function ownerOf(reading: NamespaceReading, owners: Owners): Owned {
  const { name, live } = reading
  const containers = containersIn(reading, owners)
  if (name === HOST) return { kind: 'host', owner: 'this host', containers }
  if (!live) return { kind: 'stale', owner: 'nobody: a file that no namespace is on', containers }
  if (containers.length > 0) {
    return { kind: 'container', owner: containers.map((one) => one.name).join(', '), containers }
  }
  if (name === 'ingress_sbox') {
    return { kind: 'ingress', owner: "swarm's ingress of published ports", containers }
  }
  return sandboxOwner(reading, owners) ?? { ...unknown(owners), containers }
}

function unknown({ containers }: Owners): Pick<Owned, 'kind' | 'owner'> {
  return containers === undefined
    ? { kind: 'unknown', owner: 'not known: dockerd does not answer' }
    : { kind: 'stale', owner: 'no container that runs' }
}

function containersIn({ name, aliases }: NamespaceReading, { containers }: Owners) {
  const found = [name, ...aliases].flatMap((file) => containers?.get(file) ?? [])
  return found.map(({ id, name: called, attachments }) => ({
    id,
    name: called,
    networks: attachments.map((each) => each.name),
  }))
}

function sandboxOwner({ name, ours }: NamespaceReading, owners: Owners): Owned | undefined {
  const prefix = SANDBOX.exec(name)?.[1]
  if (prefix === undefined) return undefined
  const [id, network] = [...owners.networks].find(([each]) => each.startsWith(prefix)) ?? []
  const none = { containers: [] }
  if (id === undefined || network === undefined) {
    return { kind: 'stale', owner: `a network that is not there any more (${prefix})`, ...none }
  }
  const isOurs = ours && owners.ours.has(id)
  const what = name.startsWith('lb_') ? "swarm's load balancer of network" : 'network'
  return {
    kind: isOurs ? 'network' : 'docker',
    owner: isOurs ? `network ${network}` : `${what} ${network}, Docker's own`,
    network,
    networkId: id,
    ...none,
  }
}
