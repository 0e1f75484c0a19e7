/** TCP between two containers of the overlay, across hosts and on one host. */
import { createNetwork } from '../lab/tsoverlay.js'
import type { Bench, Goal, Measurement, Row } from './measurement.js'
import { bare, container, type Path, type Traffic, traffic } from './traffic.js'

type Kind = 'ours' | 'native' | 'underlay' | 'near' | 'bridge'

async function paths(bench: Bench): Promise<Readonly<Record<Kind, Path>>> {
  const { lab } = bench
  const [one, two] = [lab.host(1), lab.host(2)]
  const native = await bench.native()
  for (const host of [one, two]) await createNetwork(host, 'wire', ['--subnet', '10.24.0.0/16'])
  const from = await container(one, 'wire-a', 'wire')
  return {
    ours: [from, await container(two, 'wire-b', 'wire')],
    native: [await container(one, 'native-a', native), await container(two, 'native-b', native)],
    underlay: [bare(one), bare(two)],
    near: [from, await container(one, 'wire-c', 'wire')],
    bridge: [
      await container(one, 'bridge-a', 'bridge'),
      await container(one, 'bridge-b', 'bridge'),
    ],
  }
}

async function measure(bench: Bench): Promise<readonly Row[]> {
  try {
    return (await traffic(await paths(bench), bench.log)).flatMap(rowsOf)
  } finally {
    await clear(bench)
  }
}

function rowsOf({ what, unit, on }: Traffic<Kind>): Row[] {
  const row = (place: string, ours: number, name: string, value: number, goal: Goal): Row => ({
    what: `${what}, ${place}`,
    unit,
    ours,
    reference: { name, value },
    goal,
  })
  const atLeast = (value: number): Goal => ({ is: '>=', value })
  return [
    row('across hosts', on.ours, 'swarm overlay', on.native, atLeast(1)),
    row('across hosts', on.ours, 'bare underlay', on.underlay, atLeast(0.85)),
    row('on one host', on.near, 'bridge', on.bridge, atLeast(1)),
  ]
}

async function clear({ lab }: Bench): Promise<void> {
  const names = ['wire-a', 'wire-b', 'wire-c', 'native-a', 'native-b', 'bridge-a', 'bridge-b']
  for (const host of [lab.host(1), lab.host(2)]) {
    await host.docker(['rm', '-f', ...names], { check: false })
    await host.docker(['network', 'rm', 'wire'], { check: false })
  }
}

export const throughput: Measurement = {
  name: 'throughput',
  title: 'TCP across hosts and on one host',
  run: measure,
}
