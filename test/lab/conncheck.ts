import { sleep } from './exec.js'
import type { Host } from './host.js'
import { LabError } from './names.js'

export interface CheckOptions {
  /** How long a wanted answer may take to come; 10,000 unless told. */
  readonly withinMs?: number
}

/** A container of a host that should reach an address. */
export interface Pair {
  readonly from: Host
  readonly container: string
  readonly to: string
}

const WITHIN_MS = 10_000
/** A lost packet must not pass for "no connection". */
const SILENT_TRIES = 3
/** More `docker exec` at once than this only make each other late. */
const PARALLEL = 8

/** @throws LabError if no ping is answered in time. */
export async function expectPing(
  from: Host,
  container: string,
  to: string,
  options: CheckOptions = {},
): Promise<void> {
  const pair = { from, container, to }
  if (!(await answersWithin(pair, options.withinMs ?? WITHIN_MS))) {
    throw new LabError(`no answer: ${describe(pair)}`)
  }
}

/** @throws LabError if any of three pings, a second apart, is answered. */
export async function expectNoPing(from: Host, container: string, to: string): Promise<void> {
  const pair = { from, container, to }
  for (let tries = 0; tries < SILENT_TRIES; tries += 1) {
    if (await answers(pair)) throw new LabError(`answered, but should not: ${describe(pair)}`)
  }
}

/** Pings along every pair. @throws LabError that lists all pairs without an answer. */
export async function pingAll(pairs: readonly Pair[], options: CheckOptions = {}): Promise<void> {
  const silent: string[] = []
  const waiting = [...pairs]
  const worker = async (): Promise<void> => {
    for (let pair = waiting.shift(); pair !== undefined; pair = waiting.shift()) {
      if (!(await answersWithin(pair, options.withinMs ?? WITHIN_MS))) silent.push(describe(pair))
    }
  }
  await Promise.all(Array.from({ length: PARALLEL }, worker))
  if (silent.length > 0) throw new LabError(`no answer:\n${silent.sort().join('\n')}`)
}

/**
 * Gets a page from within a container.
 * @returns its body. @throws LabError with wget's last words if it doesn't come in time.
 */
export async function fetchPage(
  from: Host,
  container: string,
  url: string,
  options: CheckOptions = {},
): Promise<string> {
  const deadline = Date.now() + (options.withinMs ?? WITHIN_MS)
  const wget = ['exec', container, 'wget', '-q', '-T', '2', '-O', '-', url]
  for (;;) {
    const result = await from.docker(wget, { check: false, timeoutMs: 10_000 })
    if (result.code === 0) return result.stdout
    if (Date.now() >= deadline) {
      throw new LabError(`${from.name}/${container}: no page ${url}: ${result.stderr.trim()}`)
    }
    await sleep(100)
  }
}

async function answersWithin(pair: Pair, withinMs: number): Promise<boolean> {
  const deadline = Date.now() + withinMs
  do {
    if (await answers(pair)) return true
    await sleep(50)
  } while (Date.now() < deadline)
  return false
}

async function answers({ from, container, to }: Pair): Promise<boolean> {
  const ping = ['exec', container, 'ping', '-c', '1', '-W', '1', to]
  return (await from.docker(ping, { check: false, timeoutMs: 10_000 })).code === 0
}

const describe = ({ from, container, to }: Pair): string => `${from.name}/${container} to ${to}`
