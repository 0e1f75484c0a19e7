/** The program itself, in Prometheus' format. */
import { Counter, Gauge, type Registry } from 'prom-client'
import { VERSION } from '../core/version.js'

const MICROSECONDS = 1e6

/** @param watchers how many watch the cluster's events now */
export function addProcessMetrics(registry: Registry, watchers: () => number): void {
  const registers = [registry]
  new Gauge({
    name: 'tsoverlay_build_info',
    help: '1, with the versions of the plugin and of its Node',
    labelNames: ['version', 'node'],
    registers,
  }).set({ version: VERSION, node: process.version }, 1)
  new Gauge({
    name: 'process_start_time_seconds',
    help: 'Start of the process, in seconds since 1970',
    registers,
  }).set(Date.now() / 1_000 - process.uptime())
  new Gauge({
    name: 'process_resident_memory_bytes',
    help: 'Resident memory',
    registers,
    collect() {
      this.set(process.memoryUsage.rss())
    },
  })
  new Counter({
    name: 'process_cpu_seconds_total',
    help: 'CPU time, of the user and of the system',
    registers,
    collect() {
      const { user, system } = process.cpuUsage()
      this.reset()
      this.inc((user + system) / MICROSECONDS)
    },
  })
  new Gauge({
    name: 'tsoverlay_watchers',
    help: 'Who watches the events of the cluster by this host',
    registers,
    collect() {
      this.set(watchers())
    },
  })
}
