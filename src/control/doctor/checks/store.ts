/** How etcd is: latency, alarms, space. */
import { messageOf, TsoverlayError } from '../../../core/errors.js'
import type { Store, StoreHealth } from '../../../core/ports.js'
import { keys } from '../../../state/keys.js'
import { type Check, type Found, failed, ok, warning } from '../check.js'

const READS = 5
/** A container's start waits for two or three of them. */
const SLOW_MS = 100
/** etcd's own default; whoever has given it another has an alarm when that is reached. */
const QUOTA = 2 * 1024 ** 3
const FULL = 0.8

export interface StoreFacts {
  /** why it cannot be reached */
  readonly problem?: string
  /** of reads, in milliseconds */
  readonly latencies: readonly number[]
  /** undefined: we may not ask */
  readonly health: StoreHealth | undefined
}

export function storeCheck(store: Pick<Store, 'get' | 'health'>): Check {
  return { name: 'store', look: async (signal) => judgeStore(await readFacts(store, signal)) }
}

async function readFacts(
  store: Pick<Store, 'get' | 'health'>,
  signal: AbortSignal,
): Promise<StoreFacts> {
  const latencies: number[] = []
  try {
    for (let at = 0; at < READS; at += 1) {
      const begun = performance.now()
      await store.get(keys.generation, signal)
      latencies.push(performance.now() - begun)
    }
  } catch (error) {
    return { problem: messageOf(error), latencies, health: undefined }
  }
  const health = await store.health(signal).catch((error: unknown) => {
    if (error instanceof TsoverlayError) return undefined
    throw error
  })
  return { latencies, health }
}

export function judgeStore({ problem, latencies, health }: StoreFacts): readonly Found[] {
  if (problem !== undefined) {
    return [
      failed(
        'etcd',
        `it cannot be reached: ${problem}; containers go on talking and can be started, but other hosts do not learn of them, and no network can be made`,
        'start etcd, or let this host reach it: systemctl status etcd where it runs; setting STORE names its address',
      ),
    ]
  }
  const median = [...latencies].sort((a, b) => a - b)[Math.floor(latencies.length / 2)] ?? 0
  const found = [
    ...(median < SLOW_MS
      ? [ok('latency', `etcd answers within ${median.toFixed(1)} ms`)]
      : [slow(median)]),
    ...(health === undefined ? [] : spaceOf(health)),
  ]
  return found
}

function slow(ms: number): Found {
  return warning(
    'latency',
    `etcd takes ${Math.round(ms)} ms for a read, so containers start slowly`,
    'give etcd a fast disk and a near place: etcdctl check perf',
  )
}

function spaceOf({ size, alarms }: StoreHealth): readonly Found[] {
  const megabytes = Math.round(size / 1024 ** 2)
  if (alarms.length > 0) {
    return alarms.map((alarm) =>
      failed(
        'space',
        alarm === 'NOSPACE'
          ? `etcd is full (${megabytes} MiB) and takes no writes: other hosts learn of no new container, and no network can be made`
          : `etcd has the alarm ${alarm}`,
        alarm === 'NOSPACE'
          ? 'etcdctl compact $(etcdctl endpoint status -w json | jq ".[0].Status.header.revision"); etcdctl defrag; etcdctl alarm disarm'
          : 'etcdctl alarm list; replace the member from a healthy one',
      ),
    )
  }
  if (size > FULL * QUOTA) {
    return [
      warning(
        'space',
        `etcd's file has ${megabytes} MiB; without --quota-backend-bytes it takes no writes from 2048 MiB on`,
        'etcdctl defrag, and run etcd with --auto-compaction-retention=1h',
      ),
    ]
  }
  return [ok('space', `etcd has no alarm and ${megabytes} MiB`)]
}
