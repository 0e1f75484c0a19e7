/** Checks of what is the whole cluster's: one host looks for all. */
import { withLimit } from '../../core/deadline.js'
import { hasCode, messageOf } from '../../core/errors.js'
import type { Store } from '../../core/ports.js'
import type { Host } from '../../core/types.js'
import { VERSION } from '../../core/version.js'
import { type Codec, documents } from '../../state/documents.js'
import { keys } from '../../state/keys.js'
import type { Inquiries } from '../inquiries/inquiries.js'
import type { ClusterView } from '../operator/cluster-view.js'
import type { Check, Found } from './check.js'
import { warning } from './check.js'
import { type AskedHost, judgeClocks, judgeSilence, judgeVersions } from './checks/hosts.js'
import { judgeRecords } from './checks/leftovers.js'
import { judgeAddresses, judgeRanges, judgeTwins, type Records } from './checks/records.js'

const ASK_MS = 3_000

export interface ClusterParts {
  readonly store: Store
  readonly inquiries: Pick<Inquiries, 'ask'>
  readonly view: Pick<ClusterView, 'hosts'>
  readonly hosts: () => readonly Host[]
}

/** @param onAsked told which hosts have answered */
export function clusterChecks(
  parts: ClusterParts,
  onAsked: (asked: readonly AskedHost[]) => void,
): readonly Check[] {
  const records = later((signal: AbortSignal) => readRecords(parts.store, signal))
  const asked = later(async (signal: AbortSignal) => {
    const found = await askHosts(parts, signal)
    onAsked(found)
    return found
  })
  const reports = later(() => parts.view.hosts())
  const answering = async (signal: AbortSignal): Promise<readonly AskedHost[]> =>
    (await asked(signal)).filter(({ silent }) => silent === undefined)
  const checks: readonly Check[] = [
    {
      name: 'hosts',
      look: async (signal) => judgeSilence(await asked(signal), await reports(signal)),
    },
    {
      name: 'versions',
      look: async (signal) => judgeVersions(await answering(signal), VERSION),
    },
    { name: 'clocks', look: async (signal) => judgeClocks(await answering(signal)) },
    { name: 'addresses', look: async (signal) => judgeAddresses(await records(signal)) },
    { name: 'twins', look: async (signal) => judgeTwins(await records(signal)) },
    { name: 'ranges', look: async (signal) => judgeRanges(await records(signal)) },
    { name: 'records', look: async (signal) => judgeRecords(await reports(signal)) },
  ]
  return checks.map((check) => ({ ...check, look: withStore(check.look) }))
}

/** Where the store is away, the check of it says so, and no host is to blame. */
function withStore(look: Check['look']): Check['look'] {
  return async (signal): Promise<readonly Found[]> => {
    try {
      return await look(signal)
    } catch (error) {
      if (!hasCode(error, 'STORE_UNAVAILABLE')) throw error
      return [warning('', 'it cannot be looked at while the store is away', 'see the check store')]
    }
  }
}

/** Several checks use what is read once. */
function later<T>(read: (signal: AbortSignal) => Promise<T>): (signal: AbortSignal) => Promise<T> {
  let reading: Promise<T> | undefined
  return (signal) => {
    reading ??= read(signal)
    return reading
  }
}

/** @throws TsoverlayError STORE_UNAVAILABLE */
async function askHosts(
  { inquiries, hosts }: ClusterParts,
  signal: AbortSignal,
): Promise<readonly AskedHost[]> {
  return Promise.all(
    hosts().map(async ({ id, name }) => {
      const [begun, clock] = [performance.now(), Date.now()]
      try {
        const about = await inquiries.ask(id, 'about', {}, { signal, withinMs: ASK_MS })
        const tookMs = performance.now() - begun
        const offsetMs = about.time - (clock + tookMs / 2)
        return { host: name, id, tookMs, offsetMs, version: about.version }
      } catch (error) {
        if (hasCode(error, 'STORE_UNAVAILABLE')) throw error
        return { host: name, id, tookMs: performance.now() - begun, silent: messageOf(error) }
      }
    }),
  )
}

/** @throws TsoverlayError STORE_UNAVAILABLE */
async function readRecords(store: Store, signal: AbortSignal): Promise<Records> {
  const read = async <T>(prefix: string, { decode }: Codec<T>): Promise<readonly T[]> =>
    (await store.list(prefix, signal)).entries.flatMap(({ value }) => decode(value) ?? [])
  return withLimit(ASK_MS * 2, signal, async () => {
    const [hosts, networks, endpoints, ranges, publications] = await Promise.all([
      read(keys.hosts, documents.host),
      read(keys.networks, documents.network),
      read(keys.allEndpoints, documents.endpoint),
      read(keys.allRanges, documents.ranges),
      read(keys.publications, documents.publication),
    ])
    const names = new Map([
      ...networks.map(({ key, identity }) => [key, identity] as const),
      ...publications.map(({ key, name }) => [key, name] as const),
    ])
    return { hosts, networks, endpoints, ranges, nameOf: (key) => names.get(key) ?? key }
  })
}
