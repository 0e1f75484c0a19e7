/** TCP between containers of routed networks on two hosts. */
import type { Bench, Measurement, Row } from './measurement.js'
import { createRouted, ROUTED, type Routed } from './routed.js'
import { bare, container, type Path, type Traffic, traffic } from './traffic.js'

type Kind = Routed | 'native' | 'underlay'

const POOLS: Readonly<Record<Routed, string>> = { 'host-gw': '10.26.0.0/16', vxlan: '10.27.0.0/16' }

const networkOf = (backend: Routed): string => `wire-${backend}`
const ends = (network: string): readonly [string, string] => [`${network}-a`, `${network}-b`]

async function pathOf({ lab }: Bench, network: string): Promise<Path> {
  const [a, b] = ends(network)
  return [await container(lab.host(1), a, network), await container(lab.host(2), b, network)]
}

async function paths(bench: Bench, native: string): Promise<Readonly<Record<Kind, Path>>> {
  const hosts = [bench.lab.host(1), bench.lab.host(2)] as const
  for (const backend of ROUTED) {
    for (const host of hosts) {
      await createRouted(host, networkOf(backend), backend, POOLS[backend])
    }
  }
  return {
    'host-gw': await pathOf(bench, networkOf('host-gw')),
    vxlan: await pathOf(bench, networkOf('vxlan')),
    native: await pathOf(bench, native),
    underlay: [bare(hosts[0]), bare(hosts[1])],
  }
}

function rowsOf({ what, unit, on }: Traffic<Kind>): readonly Row[] {
  const underlay = { name: 'bare underlay', value: on.underlay }
  const native = { name: 'swarm overlay', value: on.native }
  const of = (backend: Routed) => ({ what: `${what}, ${backend}`, unit, ours: on[backend] })
  return [
    { ...of('host-gw'), reference: underlay, goal: { is: '>=', value: 0.97 } },
    { ...of('host-gw'), reference: native },
    { ...of('vxlan'), reference: native, goal: { is: '>=', value: 1.1 } },
    { ...of('vxlan'), reference: underlay },
  ]
}

export const routedThroughput: Measurement = {
  name: 'routed-throughput',
  title: 'TCP across hosts on routed networks',

  async run(bench) {
    const native = await bench.native()
    const networks = ROUTED.map(networkOf)
    const containers = [...networks, native].flatMap(ends)
    try {
      return (await traffic(await paths(bench, native), bench.log)).flatMap(rowsOf)
    } finally {
      for (const host of [bench.lab.host(1), bench.lab.host(2)]) {
        await host.docker(['rm', '-f', ...containers], { check: false })
        await host.docker(['network', 'rm', ...networks], { check: false })
      }
    }
  },
}
