import { answerTraces, Trace } from '../control/trace/trace.js'
import type { Control } from './control.js'
import type { WireOptions } from './options.js'
import type { State } from './state.js'

/** What traces paths, for people of this host and for other hosts that ask. */
export function wireTrace(
  { dataplane, docker, config }: WireOptions,
  state: State,
  control: Control,
): Trace {
  const { endpoints } = config.store
  const trace = new Trace({ ...state, ...control, dataplane, docker, endpoints })
  answerTraces(trace, control.inquiries)
  return trace
}
