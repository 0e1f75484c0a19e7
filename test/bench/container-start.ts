/** The wall time of `docker run --rm … true`, as a user has it. */
import type { Host } from '../lab/host.js'
import { createNetwork } from '../lab/tsoverlay.js'
import type { Measurement } from './measurement.js'
import { interleaved, median, timed } from './statistics.js'

const ROUNDS = 9

async function start(host: Host, network: string): Promise<number> {
  const { ms } = await timed(() =>
    host.docker(['run', '--rm', '--net', network, 'lab', 'true'], { timeoutMs: 120_000 }),
  )
  return ms
}

export const containerStart: Measurement = {
  name: 'start',
  title: 'docker run --rm … true on our network, the bridge and the native overlay',

  async run({ lab, native, log }) {
    const host = lab.host(1)
    const theirs = await native()
    await createNetwork(host, 'start', ['--subnet', '10.21.0.0/16'])
    await createNetwork(host, 'inner', ['--internal', '--subnet', '10.22.0.0/16'])
    try {
      const took = await interleaved(
        ROUNDS,
        {
          bridge: () => start(host, 'bridge'),
          ours: () => start(host, 'start'),
          internal: () => start(host, 'inner'),
          native: () => start(host, theirs),
          none: () => start(host, 'none'),
        },
        log,
      )
      const [bridge, overlay] = [median(took.bridge), median(took.native)]
      const ours = median(took.ours)
      const what = 'docker run --rm'
      return [
        {
          what,
          unit: 'ms',
          ours,
          reference: { name: 'bridge', value: bridge },
          goal: { is: '<=', value: 1.2 },
        },
        {
          what: `${what}, --internal`,
          unit: 'ms',
          ours: median(took.internal),
          reference: { name: 'bridge', value: bridge },
          goal: { is: '<=', value: 1 },
        },
        {
          what,
          unit: 'ms',
          ours,
          reference: { name: 'swarm overlay', value: overlay },
          goal: { is: '<=', value: 0.5 },
        },
        {
          what,
          unit: 'ms',
          ours,
          reference: { name: 'no network', value: median(took.none) },
        },
      ]
    } finally {
      await host.docker(['network', 'rm', 'start', 'inner'], { check: false })
    }
  },
}
