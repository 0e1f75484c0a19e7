/** The networks that faults are played on: one of each backend, called as the backend is. */
import type { Host } from '../lab/host.js'
import { createNetwork } from '../lab/tsoverlay.js'

export const BACKENDS = ['overlay', 'vxlan', 'host-gw'] as const
export type Backend = (typeof BACKENDS)[number]

const SUBNETS: Readonly<Record<Backend, string>> = {
  overlay: '10.20.0.0/16',
  vxlan: '10.21.0.0/16',
  'host-gw': '10.22.0.0/16',
}

/** Flags that the stage's network of a backend is made with, but for its drivers. */
export const subnetOf = (backend: Backend): string[] => ['--subnet', SUBNETS[backend]]

/** A network of this backend; its subnet is chosen by the plugin, unless the flags have one. */
export async function createOf(
  backend: Backend,
  host: Host,
  name: string = backend,
  flags: readonly string[] = [],
): Promise<void> {
  await createNetwork(host, name, ['-o', `backend=${backend}`, ...flags])
}
