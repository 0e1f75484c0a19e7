/** Routed networks as the measurements use them. */
import type { Host } from '../lab/host.js'
import { createNetwork } from '../lab/tsoverlay.js'

export const ROUTED = ['host-gw', 'vxlan'] as const
export type Routed = (typeof ROUTED)[number]

/**
 * With `gateway=bridge`: the container has one interface, and its packets meet all rules that a routed
 * network may have, those of masquerade too.
 * @param pool with room for a /24 a host
 */
export async function createRouted(
  host: Host,
  name: string,
  backend: Routed,
  pool: string,
  flags: readonly string[] = [],
): Promise<void> {
  const options = ['-o', `backend=${backend}`, '-o', 'gateway=bridge']
  await createNetwork(host, name, [...options, '--subnet', pool, ...flags])
}
