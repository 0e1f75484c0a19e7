/** The networks of this host, one by one, and what is not well, in Prometheus' format. */
import { Gauge, type Registry } from 'prom-client'
import type { NetworkStatus, StatusReport as Status } from '../core/admin/status.js'

/** A host with more networks has one line for the rest of them: series must not grow without end. */
export const MOST_NETWORKS = 100
const REST = 'other'

type Reading = (network: NetworkStatus) => number

const GAUGES: Readonly<Record<string, readonly [string, Reading]>> = {
  tsoverlay_network_endpoints: [
    'Endpoints of this host on a network',
    (network) => network.endpoints,
  ],
  tsoverlay_network_peers: [
    "Other hosts' endpoints or blocks on a network of this host",
    (network) => network.peers,
  ],
  tsoverlay_network_blocks: [
    "Blocks of a network's subnets that this host decides on",
    (network) => network.blocks,
  ],
  tsoverlay_network_unsynced: [
    '1 when a network of this host has containers and its peers are not known yet',
    (network) => Number(network.endpoints > 0 && !network.synced),
  ],
}

/** @param status read at every scrape */
export function addNetworkMetrics(registry: Registry, status: () => Status): void {
  for (const [name, [help, read]] of Object.entries(GAUGES)) {
    new Gauge({
      name,
      help,
      labelNames: ['network'],
      registers: [registry],
      collect() {
        this.reset()
        for (const [at, network] of status().networks.entries()) {
          const label = at < MOST_NETWORKS ? network.name || network.identity : REST
          this.inc({ network: label }, read(network))
        }
      },
    })
  }
  new Gauge({
    name: 'tsoverlay_problems',
    help: 'What is not well, as tsoverlay status says, by the part of the program that says so',
    labelNames: ['part'],
    registers: [registry],
    collect() {
      this.reset()
      const { problems, conflicts, sync, host } = status()
      for (const { part } of problems) this.inc({ part })
      this.inc({ part: 'conflicts' }, conflicts.length)
      this.inc({ part: 'sync' }, sync?.problems.length ?? 0)
      this.inc({ part: 'underlay' }, host.problem === undefined ? 0 : 1)
    },
  })
}
