import { Doctor } from '../control/doctor/doctor.js'
import { hostChecks } from '../control/doctor/host-checks.js'
import { ClusterView } from '../control/operator/cluster-view.js'
import { statusOf } from '../control/operator/status.js'
import type { Control } from './control.js'
import type { WireOptions } from './options.js'
import type { State } from './state.js'

/** What looks for what is not well. */
export function wireDoctor(
  { store, dataplane }: WireOptions,
  state: State,
  control: Control,
): Doctor {
  const status = () => statusOf({ ...state, ...control })
  const checks = hostChecks({ ...state, ...control, store, dataplane, status })
  return new Doctor({
    ...state,
    ...control,
    store,
    checks,
    view: new ClusterView(store, state.identity),
  })
}
