/**
 * One figure of names-memory.ts, in a process of its own:
 *
 *   node --expose-gc --import tsx test/bench/names-process.ts ENDPOINTS NAMES_EACH
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { NetworkPeers } from '../../src/control/peers/network-peers.js'
import type { Entry, Logger, Page, Snapshot, Store } from '../../src/core/ports.js'
import { keys } from '../../src/state/keys.js'
import type { NamesCost } from './names-memory.js'
import { inhabitant } from './population.js'

const NETWORK = 'bench'
/** As the store's own pages (state/etcd-range.ts). */
const PAGE = 4_000
const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} }
const [endpoints = 0, names = 0] = process.argv.slice(2).map(Number)

/** Container, short id, and a service of twenty containers. */
function namesOf(at: number): readonly string[] {
  const id = Math.imul(at + 1, 2_654_435_761) >>> 0
  const short = `${id.toString(16).padStart(8, '0')}${(at & 65_535).toString(16).padStart(4, '0')}`
  return [`shop${at % 97}-api-${at}`, short, `api${at % 5_000}`].slice(0, names)
}

/** As they come from etcd: the texts are made of bytes. */
function entryOf(at: number): Entry {
  const { key, value } = inhabitant(NETWORK, '10.64.0.0/12', at)
  const record: unknown = { ...JSON.parse(value), ...(names > 0 ? { names: namesOf(at) } : {}) }
  const copied = (text: string): string => Buffer.from(text).toString()
  return {
    key: copied(key.slice('/tsoverlay'.length)),
    value: copied(JSON.stringify(record)),
    revision: at,
  }
}

async function* watch(_prefix: string, signal: AbortSignal): AsyncGenerator<Page | Snapshot> {
  for (let from = 0; from < endpoints; from += PAGE) {
    const size = Math.min(PAGE, endpoints - from)
    const entries = Array.from({ length: size }, (_, at) => entryOf(from + at))
    const page = { entries, revision: endpoints, continues: from > 0 }
    const isLast = from + size === endpoints
    yield isLast ? { kind: 'snapshot', ...page } : { kind: 'page', ...page }
    await sleep(0)
  }
  await new Promise((resolve) => signal.addEventListener('abort', resolve))
}

async function used(): Promise<number> {
  for (let round = 0; round < 3; round += 1) {
    await sleep(50)
    globalThis.gc?.()
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

/** Asks, and has others wait as they would. @returns the longest wait (ms) */
async function longestBlock(ask: () => void): Promise<number> {
  let [last, longest, open] = [performance.now(), 0, true]
  const look = (): void => {
    const now = performance.now()
    longest = Math.max(longest, now - last)
    last = now
    if (open) setImmediate(look)
  }
  look()
  ask()
  await sleep(2_000)
  open = false
  return longest
}

async function main(): Promise<void> {
  const before = await used()
  const peers = new NetworkPeers({
    store: { watch } as unknown as Store,
    logger: silent,
    prefix: keys.endpoints(NETWORK),
    hostOf: () => undefined,
    wayOf: () => undefined,
    onRegress: () => undefined,
  })
  peers.mirror.start()
  await peers.mirror.synced()
  const read = await used()
  const block = await longestBlock(() => peers.names.named('shop1-api-1'))
  const indexed = await used()
  const cost: NamesCost = { records: read - before, index: indexed - read, block }
  process.stdout.write(`${JSON.stringify(cost)}\n`)
  await peers.mirror.close()
}

await main()
