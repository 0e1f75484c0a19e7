/** All that the page asks for by itself. */
import { useEffect, useState } from 'preact/hooks'
import type { EndpointReport } from '../../core/admin/endpoints.js'
import type { HostReport } from '../../core/admin/hosts.js'
import type { NameReport } from '../../core/admin/names.js'
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
  names: new Listing<readonly NameReport[]>('/names', SLOW_MS),
} as const

/** Asks while the page is seen, and not at all while it is not. */
export function follow(): void {
  const look = (): void => {
    for (const listing of Object.values(agent)) document.hidden ? listing.stop() : listing.start()
  }
  document.addEventListener('visibilitychange', look)
  look()
}

/** The latest answer; the component is drawn again with each new one. */
export function useAnswer<T>(listing: Listing<T>): Answer<T> {
  const [answer, set] = useState(listing.answer)
  useEffect(() => {
    set(listing.answer)
    return listing.subscribe(() => set(listing.answer))
  }, [listing])
  return answer
}
