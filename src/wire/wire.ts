/** All parts of one plugin but its sockets, wired; daemon.ts starts them, and tests do. */
import { recoverJournal } from '../control/records/recovery.js'
import { forgetNames } from '../control/sync/steps.js'
import type { Live } from '../control/trace/live/live.js'
import type { Trace } from '../control/trace/trace.js'
import { HOST } from '../core/plan.js'
import { wireControl } from './control.js'
import { wireDoctor } from './doctor.js'
import { wireDriver } from './driver.js'
import type { WireOptions } from './options.js'
import { wireState } from './state.js'
import { wireTrace } from './trace.js'
import { type AskTraffic, wireTraffic } from './traffic.js'

export interface Wired {
  readonly state: ReturnType<typeof wireState>
  readonly control: ReturnType<typeof wireControl>
  readonly driver: ReturnType<typeof wireDriver>
  readonly doctor: ReturnType<typeof wireDoctor>
  readonly trace: Trace
  readonly traffic: AskTraffic
  readonly live: Live
}

/** Makes the parts; nothing runs yet. */
export function wire(options: WireOptions): Wired {
  const state = wireState(options)
  const control = wireControl(options, state)
  const doctor = wireDoctor(options, state, control)
  const traces = wireTrace(options, state, control)
  const traffic = wireTraffic(options, state, control)
  return {
    state,
    control,
    driver: wireDriver(options, state, control),
    doctor,
    ...traces,
    traffic,
  }
}

/**
 * Takes up what a former run left, and begins to follow the kernel and the other hosts. Neither etcd
 * nor the underlay has to be there.
 * @param announce says in the store that this host is there; returns after the first try
 */
export async function takeUp(
  options: WireOptions,
  { state, control }: Wired,
  announce: () => Promise<void>,
): Promise<void> {
  const { scope } = options.config
  const { outbox, journal, blocks } = state
  outbox.start()
  recoverJournal({ ...state, scope, logger: options.logger })
  // Announced before it looks at its blocks: host-removal.ts rests on this order.
  const announced = announce()
  if (scope === 'local') blocks.start(announced)
  if (control.sync === undefined) forgetNames(journal)
  followKernel(options, control)
  followHosts(options, { state, control })
  for (const endpoint of journal.endpoints.values()) control.peers.open(endpoint.network)
  await control.underlay.start()
  await control.reconciler.start()
}

function followKernel({ dataplane }: WireOptions, control: Wired['control']): void {
  dataplane.onMiss((miss) => control.misses.handle(miss))
  dataplane.onDrift((place) => control.reconciler.markPlace(place))
  dataplane.onHostChange(() => {
    void control.underlay.look()
    control.ranges.hostChanged()
    control.paths.routesChanged()
  })
  dataplane.onAnnouncement((heard) => control.floating.heard(heard))
}

function followHosts(
  { greeting }: WireOptions,
  { state, control }: Pick<Wired, 'state' | 'control'>,
): void {
  const { peers, floating, reconciler, paths, twins, inquiries } = control
  inquiries.start()
  peers.start(
    (key) => {
      floating.peersChanged(key)
      reconciler.markKey(key)
      paths.trigger()
    },
    () => {
      reconciler.markPlace(HOST)
      greeting.greet(state.vtep.current, peers.hosts())
      twins.look(peers.hosts())
      paths.trigger()
    },
  )
}

/** In the order of who uses whom: no new passes, then what they stand on. Calls and sweeps have ended. */
export async function close({ state, control }: Pick<Wired, 'state' | 'control'>): Promise<void> {
  await control.inquiries.close()
  control.probes.close()
  await control.departures.close()
  await control.sync?.close()
  await control.names.close()
  await control.ranges.close()
  await control.board.close()
  await control.paths.close()
  control.upkeep.close()
  await control.restoration.close()
  control.underlay.close()
  control.twins.close()
  control.peers.closeAll()
  await state.outbox.close()
  await state.blocks.close()
  await control.presence.close()
  await control.reconciler.close()
}
