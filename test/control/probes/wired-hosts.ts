/** Two hosts whose probes go over a wire in memory. */
import type { Test } from 'tap'
import type { Probe } from '../../../src/core/probe.js'
import { until } from '../../fakes/until.js'
import { idOf, type TestHost, twoHosts } from '../host.js'

/** Both have a container of one network, have announced themselves and know each other. */
export async function wiredHosts(t: Test) {
  const { a, b, store } = await twoHosts(t)
  for (const [host, name] of [
    [a, 'a'],
    [b, 'b'],
  ] as const) {
    await host.presence.start()
    await host.docker.createNetwork(idOf(`on ${name}`), { subnet: '10.20.0.0/24' })
    await host.docker.run(idOf(`on ${name}`), idOf(`c${name}`))
  }
  await until('they know each other', () =>
    [a, b].every(({ peers }) => peers.hosts().length === 2 && peers.used().length === 1),
  )
  connect(a, b)
  connect(b, a)
  return { a, b, store }
}

/** What one sends comes out of the other's vxlan device. */
export function connect(from: TestHost, to: TestHost): void {
  from.dataplane.onProbeSent = (probe: Probe) => {
    queueMicrotask(() => {
      for (const hear of to.dataplane.ears.values()) hear(probe)
    })
    return undefined
  }
}
