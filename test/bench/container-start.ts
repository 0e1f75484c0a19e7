/** The wall time of `docker run --rm … true`, as a user has it. */
import { sleep } from '../lab/exec.js'
import type { Host } from '../lab/host.js'
import { createNetwork } from '../lab/tsoverlay.js'
import { addIdleDriver } from './idle-driver.js'
import type { Measurement, Row } from './measurement.js'
import { interleaved, median, timed } from './statistics.js'

const ROUNDS = 9
/** The kernel is at our links some 200 ms after a container has gone, and at others' namespaces too. */
const REST_MS = 500

/** @returns the wall time (ms), when what the container has left behind is gone */
export async function start(host: Host, network: string): Promise<number> {
  const run = ['run', '--rm', '--net', network, 'lab', 'true']
  const { ms } = await timed(() => host.docker(run, { timeoutMs: 120_000 }))
  await sleep(REST_MS)
  return ms
}

type Turn = 'bridge' | 'ours' | 'inner' | 'native' | 'none' | 'idle' | 'idleInner'

function rowsOf(took: Readonly<Record<Turn, readonly number[]>>): readonly Row[] {
  const of = (turn: Turn): number => median(took[turn])
  const what = 'docker run --rm'
  const bridge = { name: 'bridge', value: of('bridge') }
  const to = (value: number) => ({ is: '<=', value }) as const
  const ours = { what, unit: 'ms', ours: of('ours') } as const
  const inner = { what: `${what}, --internal`, unit: 'ms', ours: of('inner') } as const
  return [
    { ...ours, reference: bridge, goal: to(1.2) },
    { ...inner, reference: bridge, goal: to(1) },
    { ...ours, reference: { name: 'swarm overlay', value: of('native') }, goal: to(0.5) },
    { ...ours, reference: { name: 'no network', value: of('none') } },
    { ...ours, reference: { name: 'a driver that only answers', value: of('idle') } },
    { ...inner, reference: { name: 'the same, --internal', value: of('idleInner') } },
    {
      what: `${what}, a driver that only answers`,
      unit: 'ms',
      ours: of('idle'),
      reference: bridge,
    },
  ]
}

export const containerStart: Measurement = {
  name: 'start',
  title: 'docker run --rm … true on our network, the bridge, the native overlay and none',

  async run({ lab, native, log }) {
    const host = lab.host(1)
    const theirs = await native()
    const driver = await addIdleDriver(host)
    const made = ['start', 'inner', 'idle', 'idle-inner']
    try {
      await createNetwork(host, 'start', ['--subnet', '10.21.0.0/16'])
      await createNetwork(host, 'inner', ['--internal', '--subnet', '10.22.0.0/16'])
      const idle = ['network', 'create', '-d', driver.name]
      await host.docker([...idle, '--subnet', '10.23.0.0/16', 'idle'])
      await host.docker([...idle, '--internal', '--subnet', '10.24.0.0/16', 'idle-inner'])
      const turn = (network: string) => () => start(host, network)
      const turns = {
        bridge: turn('bridge'),
        ours: turn('start'),
        inner: turn('inner'),
        native: turn(theirs),
        none: turn('none'),
        idle: turn('idle'),
        idleInner: turn('idle-inner'),
      }
      return rowsOf(await interleaved(ROUNDS, turns, log))
    } finally {
      await host.docker(['network', 'rm', ...made], { check: false })
      await driver.close()
    }
  },
}
