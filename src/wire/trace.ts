import { Live } from '../control/trace/live/live.js'
import { answerTraces, Trace } from '../control/trace/trace.js'
import type { Control } from './control.js'
import type { WireOptions } from './options.js'
import type { State } from './state.js'

/** What traces paths, for people of this host and for other hosts that ask. */
export function wireTrace(
  { dataplane, docker, config }: WireOptions,
  state: State,
  control: Control,
): { readonly trace: Trace; readonly live: Live } {
  const { endpoints } = config.store
  const parts = { ...state, ...control, dataplane, docker, endpoints }
  const trace = new Trace(parts)
  answerTraces(trace, control.inquiries)
  return { trace, live: new Live(parts, control.inquiries) }
}
