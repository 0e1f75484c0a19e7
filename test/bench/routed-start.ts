/** The wall time of `docker run --rm … true` on routed networks, where the bridge is the only way out. */
import { start } from './container-start.js'
import type { Measurement, Row } from './measurement.js'
import { createRouted, ROUTED, type Routed } from './routed.js'
import { interleaved, median } from './statistics.js'

const ROUNDS = 9
const POOLS: Readonly<Record<Routed, string>> = { 'host-gw': '10.26.0.0/16', vxlan: '10.27.0.0/16' }
/** Docker's bridge with its DNS for containers, which it has on all networks but the default bridge. */
const OWN = 'own-bridge'

type Turn = Routed | 'bridge' | 'own' | 'native'

const networkOf = (backend: Routed): string => `start-${backend}`

function rowsOf(took: Readonly<Record<Turn, readonly number[]>>): readonly Row[] {
  const of = (turn: Turn): number => median(took[turn])
  return ROUTED.flatMap((backend): readonly Row[] => {
    const row = { what: `docker run --rm, ${backend}`, unit: 'ms', ours: of(backend) } as const
    const to = (value: number) => ({ is: '<=', value }) as const
    return [
      { ...row, reference: { name: 'bridge', value: of('bridge') }, goal: to(1) },
      { ...row, reference: { name: "a bridge of the user's own", value: of('own') } },
      { ...row, reference: { name: 'swarm overlay', value: of('native') }, goal: to(0.5) },
    ]
  })
}

export const routedStart: Measurement = {
  name: 'routed-start',
  title: 'docker run --rm … true on routed networks, bridges and the native overlay',

  async run({ lab, native, log }) {
    const host = lab.host(1)
    const theirs = await native()
    try {
      for (const backend of ROUTED) {
        await createRouted(host, networkOf(backend), backend, POOLS[backend])
      }
      await host.docker(['network', 'create', '--subnet', '10.28.0.0/16', OWN])
      const turn = (network: string) => () => start(host, network)
      const turns: Record<Turn, () => Promise<number>> = {
        bridge: turn('bridge'),
        own: turn(OWN),
        'host-gw': turn(networkOf('host-gw')),
        vxlan: turn(networkOf('vxlan')),
        native: turn(theirs),
      }
      return rowsOf(await interleaved(ROUNDS, turns, log))
    } finally {
      await host.docker(['network', 'rm', ...ROUTED.map(networkOf), OWN], { check: false })
    }
  },
}
