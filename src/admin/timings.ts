/** How long things take, as Prometheus' histograms. */
import { Histogram, type Registry } from 'prom-client'
import type { Meter } from '../core/meter.js'

/** Seconds: from what is in memory to what people take to hang. */
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

const outcomeOf = (isDone: boolean): string => (isDone ? 'done' : 'failed')

export class Timings implements Meter {
  readonly #store
  readonly #passes
  readonly #rpc

  constructor(registry: Registry) {
    const common = { buckets: BUCKETS, registers: [registry] }
    this.#store = new Histogram({
      name: 'tsoverlay_store_call_duration_seconds',
      help: 'Calls of the store, without watches',
      labelNames: ['action', 'outcome'],
      ...common,
    })
    this.#passes = new Histogram({
      name: 'tsoverlay_pass_duration_seconds',
      help: 'Passes of the reconciler over the kernel, one place each',
      labelNames: ['outcome'],
      ...common,
    })
    this.#rpc = new Histogram({
      name: 'tsoverlay_rpc_duration_seconds',
      help: 'Calls of dockerd, by method of the plugin protocol',
      labelNames: ['method', 'outcome'],
      ...common,
    })
  }

  store(action: string, seconds: number, isDone: boolean): void {
    this.#store.observe({ action, outcome: outcomeOf(isDone) }, seconds)
  }

  pass(seconds: number, isDone: boolean): void {
    this.#passes.observe({ outcome: outcomeOf(isDone) }, seconds)
  }

  rpc(method: string, seconds: number, isDone: boolean): void {
    this.#rpc.observe({ method, outcome: outcomeOf(isDone) }, seconds)
  }
}
