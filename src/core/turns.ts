/** Long work in the one thread that also answers dockerd. */
import { setImmediate as turn } from 'node:timers/promises'

/** How long others wait at most, but for what one item takes (ms). */
const TURN_MS = 10
/** So many items between two looks at the clock. */
const LOOK_EVERY = 64

/** Does `work` for each item, in order; after some milliseconds all others have a turn. */
export async function inTurns<T>(items: Iterable<T>, work: (item: T) => void): Promise<void> {
  let [count, end] = [0, performance.now() + TURN_MS]
  for (const item of items) {
    work(item)
    count += 1
    if (count % LOOK_EVERY !== 0 || performance.now() < end) continue
    await turn()
    end = performance.now() + TURN_MS
  }
}
