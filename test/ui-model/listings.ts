/** Listings of the agent, as short as a test wants them. */
import type { EndpointReport } from '../../src/core/admin/endpoints.js'
import type { HostReport } from '../../src/core/admin/hosts.js'
import type { NetworkReport } from '../../src/core/admin/networks.js'
import type { StatusReport } from '../../src/core/admin/status.js'
import type { Listings } from '../../src/ui/model/cluster.js'

export function hostReport(id: string, more: Partial<HostReport> = {}): HostReport {
  const counts = { networks: 1, endpoints: 0, blocks: 1 }
  return { id, name: id, vtep: '192.0.2.1', alive: true, self: false, ...counts, ...more }
}

export function networkReport(key: string, more: Partial<NetworkReport> = {}): NetworkReport {
  const names = { key, identity: `pools:${key}`, name: key, backend: 'overlay' }
  const where = { vnis: [1], subnets: ['10.20.0.0/16'], hosts: [], endpoints: 0 }
  return { ...names, ...where, internal: false, leaving: false, troubles: [], ...more }
}

/** An endpoint of `host` in `network`, whose names are their ids. */
export function endpointReport(id: string, host: string, network = 'shop'): EndpointReport {
  const names = { network, networkName: network, host, hostName: host }
  return {
    id,
    name: '',
    ...names,
    addresses: ['10.20.0.2/16'],
    floating: [],
    mac: '02:42:0a:14:00:02',
  }
}

/** A host on which nothing is wrong. */
export function statusReport(more: Partial<StatusReport> = {}): StatusReport {
  return {
    host: { id: 'a', name: 'a', boot: 'b', vtep: '192.0.2.1', mtu: 1500 },
    store: { reached: true, owed: 0 },
    networks: [],
    kernel: { passes: 1, written: 1, drift: 0, failures: 0 },
    admission: { inForce: true },
    misses: { known: 0, unknown: 0 },
    conflicts: [],
    problems: [],
    ...more,
  }
}

/** `hosts` and one network, `shop`, unless told. */
export function listings(more: Partial<Listings>): Listings {
  const none = { hosts: [], networks: [networkReport('shop')], endpoints: [] }
  return { ...none, status: statusReport(), ...more }
}
