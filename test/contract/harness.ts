/** What the contract needs of each store, and a patience that both parts of it use. */
import { setTimeout as sleep } from 'node:timers/promises'
import { messageOf } from '../../src/core/errors.js'
import type { Store } from '../../src/core/ports.js'

export interface StoreHarness {
  /** A further store on the same cluster: another host. Closed by its test. */
  open(prefix?: string): Store
  /** Drops all history, so that a watch that lags cannot go on. */
  compact(): Promise<void>
  /** Cuts every store off, runs `during`, and lets them back. */
  interrupt(during: () => Promise<void>): Promise<void>
}

/** Until it works: right after an interruption the first call may still be refused. */
export async function retrying<T>(call: () => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries++) {
    try {
      return await call()
    } catch (error) {
      if (tries > 50) throw new Error(`no success: ${messageOf(error)}`)
      await sleep(100)
    }
  }
}
