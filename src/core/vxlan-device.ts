/** vxlan devices on this host that are not of our making: their VNIs are no longer to be had here. */

export interface VxlanDevice {
  readonly vni: number
  /** UDP destination port */
  readonly port: number
  readonly name: string
  /** file name of its namespace under the host's /run/docker/netns; absent: the host's own */
  readonly namespace?: string
}

/** Where a person finds it: `vxlan device vx-001001-ab in /run/docker/netns/1-…`. */
export function describeVxlan({ name, namespace }: Omit<VxlanDevice, 'vni' | 'port'>): string {
  const place =
    namespace === undefined ? "the host's own namespace" : `/run/docker/netns/${namespace}`
  return `vxlan device ${name} in ${place}`
}
