/** The status in Prometheus' text format. */
import { Counter, Gauge, type Registry } from 'prom-client'
import type { StatusReport as Status } from '../core/admin/status.js'
import { addNetworkMetrics } from './network-metrics.js'

type Reading = (status: Status) => number

const COUNTERS: Readonly<Record<string, readonly [string, Reading]>> = {
  tsoverlay_passes_total: ['Passes of the reconciler', (status) => status.kernel.passes],
  tsoverlay_kernel_writes_total: [
    'Links, addresses, neighbours and FDB entries written',
    (status) => status.kernel.written,
  ],
  tsoverlay_drift_total: [
    'Kernel objects found changed by others',
    (status) => status.kernel.drift,
  ],
  tsoverlay_kernel_failures_total: [
    'Kernel writes that were refused',
    (status) => status.kernel.failures,
  ],
  tsoverlay_l3miss_known_total: [
    'l3miss notices for an address that a peer has',
    (status) => status.misses.known,
  ],
  tsoverlay_l3miss_unknown_total: [
    'l3miss notices for an address that nobody has',
    (status) => status.misses.unknown,
  ],
  tsoverlay_names_questions_total: [
    'Questions of containers for names',
    (status) => status.names?.questions ?? 0,
  ],
  tsoverlay_names_answered_total: [
    'Questions for names that the cluster knows',
    (status) => status.names?.answered ?? 0,
  ],
  tsoverlay_names_passed_total: [
    "Questions for names that were passed on to Docker's resolver",
    (status) => status.names?.passed ?? 0,
  ],
  tsoverlay_names_lost_total: [
    "Questions for names that Docker's resolver has not answered",
    (status) => status.names?.lost ?? 0,
  ],
  tsoverlay_names_faults_total: [
    'Failures in answering questions for names',
    (status) => status.names?.faults ?? 0,
  ],
}

const GAUGES: Readonly<Record<string, readonly [string, Reading]>> = {
  tsoverlay_store_reached: [
    "1 when the store takes this host's announcement",
    (status) => Number(status.store.reached),
  ],
  tsoverlay_store_owed: ['Changes that the store does not know yet', (status) => status.store.owed],
  tsoverlay_admission_in_force: [
    '1 when VXLAN packets of strangers are dropped',
    (status) => Number(status.admission.inForce),
  ],
  tsoverlay_networks: ['Networks of this host', (status) => status.networks.length],
  tsoverlay_endpoints: ['Endpoints of this host', (status) => sum(status, 'endpoints')],
  tsoverlay_names_containers: [
    'Network namespaces of containers whose questions for names are answered here',
    (status) => status.names?.namespaces ?? 0,
  ],
  tsoverlay_peers: [
    'Endpoints of other hosts on the networks of this host',
    (status) => sum(status, 'peers'),
  ],
  tsoverlay_hosts_parted: [
    'Hosts that cannot be reached, as their VTEP is of the other address family',
    (status) => new Set(status.networks.flatMap(({ parted }) => parted)).size,
  ],
}

function sum(status: Status, field: 'endpoints' | 'peers'): number {
  return status.networks.reduce((total, network) => total + network[field], 0)
}

/** @param status read at every scrape */
export function addStatusMetrics(registry: Registry, status: () => Status): void {
  for (const [name, [help, read]] of Object.entries(COUNTERS)) {
    new Counter({
      name,
      help,
      registers: [registry],
      collect() {
        this.reset()
        this.inc(read(status()))
      },
    })
  }
  for (const [name, [help, read]] of Object.entries(GAUGES)) {
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(read(status()))
      },
    })
  }
  addNetworkMetrics(registry, status)
}
