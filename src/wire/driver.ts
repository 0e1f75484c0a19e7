import { TsoverlayDriver } from '../control/driver.js'
import { Endpoints } from '../control/endpoints/endpoints.js'
import { MacClaims } from '../control/endpoints/mac-claims.js'
import { Publishing } from '../control/endpoints/publishing.js'
import { Networks } from '../control/networks/networks.js'
import { ForeignAddresses } from '../control/records/foreign-addresses.js'
import { Restarts } from '../control/restarts/restarts.js'
import { SwarmAllocation } from '../control/swarm/allocation.js'
import { DockerSweep } from '../control/sweeps/docker-sweep.js'
import { SwarmSweep } from '../control/sweeps/swarm-sweep.js'
import { TsoverlayIpam } from '../ipam/ipam-driver.js'
import type { Control } from './control.js'
import type { WireOptions } from './options.js'
import type { State } from './state.js'

/** Finds what dockerd no longer has, where nobody tells. */
interface Sweep {
  start(): void
  /** Looks once. */
  sweep(): Promise<void>
  close(): void
}

/** What answers dockerd, and what asks it whether it has forgotten something. */
export function wireDriver(options: WireOptions, state: State, control: Control) {
  const { config, hostPorts, logger } = options
  const { book, swarm, outbox } = state
  const { scope, networkSync: synced } = config
  const foreign = new ForeignAddresses(book, outbox)
  const macs = new MacClaims(state)
  const endpoints = new Endpoints({ ...state, ...control, foreign, macs, logger })
  const publishing = new Publishing({ ...state, ...control, hostPorts, logger })
  const chosen = scope === 'global' ? swarm.plan : book
  const occupied = { routes: () => control.clusterRanges.taken() }
  const ipam = new TsoverlayIpam({ ...state, dataplane: occupied, scope, synced, book: chosen })
  const { localAddressSpace, globalAddressSpace } = ipam
  const addressSpaces = [localAddressSpace, globalAddressSpace] as const
  const parts = { ...state, ...control, endpoints, logger }
  const networks = new Networks({ ...parts, scope, synced, addressSpaces, foreign })
  const { repository } = swarm
  const allocation = new SwarmAllocation({ ...parts, repository, globalAddressSpace })
  const restarts = restartsOf(options, state)
  const sweep = sweepOf(options, state, control, { endpoints, networks, restarts })
  const driver = new TsoverlayDriver(scope, { networks, endpoints, publishing, swarm: allocation })
  return { driver, ipam, endpoints, networks, restarts, sweep }
}

/** In a swarm, swarm itself starts its tasks anew. */
function restartsOf(
  { config, docker, logger }: WireOptions,
  { journal }: State,
): Restarts | undefined {
  if (!config.restartContainers || config.scope === 'global') return undefined
  return new Restarts({ docker, journal, logger })
}

function sweepOf(
  { config, dataplane, docker, logger }: WireOptions,
  state: State,
  { sync }: Control,
  drivers: { endpoints: Endpoints; networks: Networks; restarts: Restarts | undefined },
): Sweep {
  const { endpoints, networks, restarts } = drivers
  const parts = { ...state, endpoints, networks, logger }
  if (config.scope === 'global') return new SwarmSweep({ ...parts, dataplane })
  return new DockerSweep({
    ...parts,
    docker,
    now: () => performance.now(),
    onForgotten: () => sync?.trigger(),
    onAnswered: () => restarts?.start(),
  })
}
