/** All that the page asks for by itself. */
import { useEffect, useMemo, useState } from 'preact/hooks'
import type { EndpointReport } from '../../core/admin/endpoints.js'
import type { HostReport } from '../../core/admin/hosts.js'
import type { NetworkReport } from '../../core/admin/networks.js'
import type { PoolReport } from '../../core/admin/pools.js'
import type { StatusReport } from '../../core/admin/status.js'
import type { TrafficReport } from '../../core/admin/traffic.js'
import type { Answer } from './answer.js'
import { Listing } from './listing.js'

const LIVE_MS = 2_000
const SLOW_MS = 10_000

export const agent = {
  status: new Listing<StatusReport>('/status', LIVE_MS),
  hosts: new Listing<readonly HostReport[]>('/hosts', LIVE_MS),
  networks: new Listing<readonly NetworkReport[]>('/networks', LIVE_MS),
  endpoints: new Listing<readonly EndpointReport[]>('/endpoints', LIVE_MS),
  traffic: new Listing<TrafficReport>('/traffic', LIVE_MS),
  pools: new Listing<readonly PoolReport[]>('/pools', SLOW_MS),
} as const

/** Another host is asked through the store, which writes to it. */
const ELSEWHERE_MS = 5_000

/** Asks while the page is seen, and not at all while it is not. */
export function follow(): void {
  whileSeen(Object.values(agent))
}

/** @returns how to stop them for good */
function whileSeen(listings: readonly Listing<unknown>[]): () => void {
  const look = (): void => {
    for (const listing of listings) document.hidden ? listing.stop() : listing.start()
  }
  document.addEventListener('visibilitychange', look)
  look()
  return () => {
    document.removeEventListener('visibilitychange', look)
    for (const listing of listings) listing.stop()
  }
}

/** The latest answer; the component is drawn again with each new one. */
export function useAnswer<T>(listing: Listing<T>): Answer<T> {
  const [, draw] = useState(listing.answer)
  useEffect(() => {
    draw(listing.answer)
    return listing.subscribe(() => draw(listing.answer))
  }, [listing])
  return listing.answer
}

/** @param host id of another host, which is asked as long as it is given; undefined: this one */
export function useTraffic(host: string | undefined): Answer<TrafficReport> {
  const listing = useMemo(
    () =>
      host === undefined
        ? agent.traffic
        : new Listing<TrafficReport>(`/traffic?${new URLSearchParams({ host })}`, ELSEWHERE_MS),
    [host],
  )
  useEffect(() => (host === undefined ? undefined : whileSeen([listing])), [listing])
  return useAnswer(listing)
}
