/**
 * Which network of swarm a pool belongs to. RequestPool does not tell, and swarm does not see when
 * two networks ask for the same subnet; AllocateNetwork tells, so there the second is refused. The
 * holder's key of the pool remembers it: for whichever node leads next, and for a removal that
 * comes late.
 */
import { TsoverlayError } from '../core/errors.js'
import type { Store } from '../core/ports.js'
import type { NetworkKey } from '../core/types.js'
import { documents } from '../state/documents.js'
import { keys, type PoolRef, SWARM } from '../state/keys.js'
import { retryConflicts } from '../state/retry.js'
import { unchanged } from './pool-register.js'

/**
 * Notes that swarm uses the pool for this network; a second time is success.
 * @throws TsoverlayError POOL_IN_USE when it is another network's
 */
export async function bindPool(
  store: Store,
  ref: PoolRef,
  network: NetworkKey,
  signal: AbortSignal,
): Promise<void> {
  const key = keys.holder(ref, SWARM)
  await retryConflicts(`pool ${ref.pool}`, signal, async () => {
    const held = await store.get(key, signal)
    const user = held && documents.holder.decode(held.value)?.network
    if (user === network) return true
    if (user !== undefined) {
      throw new TsoverlayError(
        'POOL_IN_USE',
        `subnet ${ref.pool} is used by another network of this swarm: choose another --subnet`,
      )
    }
    const write = { put: key, value: documents.holder.encode({ network }) }
    return (await store.txn([unchanged(key, held)], [write], signal)).done ? true : undefined
  })
}
