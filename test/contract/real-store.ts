/** Stores on a real etcd, and what becomes of their calls. */
import type { Test } from 'tap'
import type { StoreConfig } from '../../src/core/config.js'
import type { Logger, Store } from '../../src/core/ports.js'
import { createEtcdStore } from '../../src/state/etcd-store.js'
import { EtcdProcess } from './etcd-process.js'

const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} }

export function connect(endpoints: readonly string[], more: Partial<StoreConfig> = {}): Store {
  const config = { endpoints, prefix: '/tsoverlay', ...more }
  return createEtcdStore({ config, endpoints, logger: silent })
}

/** One etcd and a store of its own for a test that ill-treats them. */
export async function single(t: Test): Promise<{ etcd: EtcdProcess; store: Store }> {
  const etcd = await EtcdProcess.create()
  const store = connect([etcd.endpoint])
  t.teardown(async () => {
    await store.close()
    await etcd.remove()
  })
  return { etcd, store }
}

/** @returns the error's text, or `success`, and how long it took (ms) */
export async function outcome(call: Promise<unknown>): Promise<{ message: string; took: number }> {
  const started = Date.now()
  const message = await call.then(
    () => 'success',
    (error: Error) => error.message,
  )
  return { message, took: Date.now() - started }
}
