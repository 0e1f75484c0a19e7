/**
 * Our share of a container's life: the time of every call that dockerd makes to the driver for it,
 * taken by a relay between both, and the calls that the store gets, as etcd counts them.
 */
import { type IncomingMessage, request } from 'node:http'
import { sleep } from '../lab/exec.js'
import type { Host } from '../lab/host.js'
import type { Lab } from '../lab/lab.js'
import { driverSocket, serveDriver } from './driver-socket.js'
import type { Measurement } from './measurement.js'
import { median, timed } from './statistics.js'

const ROUNDS = 15
const RELAY = 'relay'

/** A driver of another name that passes each call on and notes how long the answer took (ms). */
class Relay {
  /** of each method, since the start */
  readonly history = new Map<string, number[]>()
  #sum = 0
  readonly #host: Host
  #end = (): void => {}

  constructor(host: Host) {
    this.#host = host
  }

  async listen(): Promise<void> {
    const socketPath = driverSocket(this.#host, 'tsoverlay')
    this.#end = await serveDriver(this.#host, RELAY, (asked, answer) => {
      const before = performance.now()
      const { method, url: path = '', headers } = asked
      const onward = request({ socketPath, method, path, headers }, (reply: IncomingMessage) => {
        answer.writeHead(reply.statusCode ?? 500, reply.headers)
        reply.pipe(answer)
        reply.on('end', () => this.#note(path, performance.now() - before))
      })
      onward.on('error', () => answer.destroy())
      asked.pipe(onward)
    })
  }

  /** @returns the sum since the last call (ms), and forgets it */
  sum(): number {
    const sum = this.#sum
    this.#sum = 0
    return sum
  }

  #note(method: string, ms: number): void {
    this.#sum += ms
    this.history.set(method, [...(this.history.get(method) ?? []), ms])
  }

  close(): void {
    this.#end()
  }
}

/** Unary calls that etcd has answered; streams such as watches and keep-alives do not count. */
async function tripsOf(lab: Lab): Promise<number> {
  const text = await (await fetch(`${lab.etcd.endpoint}/metrics`)).text()
  const lines = text.matchAll(
    /^grpc_server_started_total\{[^}]*grpc_method="(?:Txn|Range|Put|DeleteRange)"[^}]*\} (\S+)$/gm,
  )
  return [...lines].reduce((sum, [, count]) => sum + Number(count), 0)
}

interface Samples {
  readonly sums: number[]
  readonly parts: number[]
  readonly startTrips: number[]
  readonly stopTrips: number[]
}

async function sample(lab: Lab, relay: Relay, into: Samples): Promise<void> {
  const host = lab.host(1)
  relay.sum()
  const before = await tripsOf(lab)
  const run = ['run', '-d', '--name', 'shared', '--net', RELAY, 'lab', 'sleep', '600']
  const start = await timed(() => host.docker(run))
  await sleep(150)
  const middle = await tripsOf(lab)
  const stop = await timed(() => host.docker(['rm', '-f', 'shared']))
  await sleep(150)
  const sum = relay.sum()
  into.sums.push(sum)
  into.parts.push((100 * sum) / (start.ms + stop.ms))
  into.startTrips.push(middle - before)
  into.stopTrips.push((await tripsOf(lab)) - middle)
}

export const share: Measurement = {
  name: 'share',
  title: "our share of a container's start and stop",

  async run({ lab, log }) {
    const host = lab.host(1)
    const relay = new Relay(host)
    await relay.listen()
    const samples: Samples = { sums: [], parts: [], startTrips: [], stopTrips: [] }
    try {
      const flags = ['-d', RELAY, '--ipam-driver', RELAY, '--subnet', '10.23.0.0/16']
      await host.docker(['network', 'create', ...flags, RELAY])
      // Not the first endpoint of the network on this host: that one also makes the sandbox.
      await host.docker(['run', '-d', '--name', 'first', '--net', RELAY, 'lab', 'sleep', '3600'])
      const warm: Samples = { sums: [], parts: [], startTrips: [], stopTrips: [] }
      await sample(lab, relay, warm)
      for (let round = 0; round < ROUNDS; round += 1) await sample(lab, relay, samples)
      for (const [method, times] of relay.history) log(`${method} ${median(times).toFixed(1)} ms`)
    } finally {
      await host.docker(['rm', '-f', 'first', 'shared'], { check: false })
      await host.docker(['network', 'rm', RELAY], { check: false })
      relay.close()
    }
    return [
      {
        what: "our calls' share of a container's start and stop",
        unit: '%',
        ours: median(samples.parts),
        goal: { is: '<=', value: 8 },
      },
      {
        what: 'our calls in it, sum at the median',
        unit: 'ms',
        ours: median(samples.sums),
        goal: { is: '<=', value: 15 },
      },
      {
        what: "etcd round trips of a container's start",
        unit: '',
        ours: median(samples.startTrips),
        goal: { is: '<=', value: 3 },
      },
      { what: 'etcd round trips of its stop', unit: '', ours: median(samples.stopTrips) },
    ]
  },
}
