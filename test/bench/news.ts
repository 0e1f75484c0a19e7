/**
 * What other hosts are told when containers start on one: watch events as etcd counts them, and bytes
 * on their way from etcd. All hosts have a container of the network, so all follow it. These are
 * counts, so one turn of each is enough.
 */
import { sleep } from '../lab/exec.js'
import type { Host } from '../lab/host.js'
import type { Lab } from '../lab/lab.js'
import { createNetwork, runSleeper } from '../lab/tsoverlay.js'
import type { Measurement, Row } from './measurement.js'
import { createRouted, ROUTED, type Routed } from './routed.js'
import { bytesTo, countSent, sentSoFar, stopCounting } from './sent.js'

const COUNT = 20
const NETWORK = 'news'
/** After the first containers of a network: who the others are, blocks, and names have been said. */
const SETTLE_MS = 5_000
/** What is under way to watchers. */
const ARRIVE_MS = 1_000
const names = Array.from({ length: COUNT }, (_, at) => `news${at}`)

interface Case {
  readonly what: string
  readonly create: (host: Host) => Promise<void>
  /** absent: a figure to know */
  readonly silent?: true
}

const routedCase = (backend: Routed, pool: string, dns: boolean): Case => ({
  what: dns ? `${backend} with names` : backend,
  create: (host) => createRouted(host, NETWORK, backend, pool, dns ? [] : ['-o', 'dns=off']),
  ...(dns ? {} : { silent: true }),
})

const overlay: Case = {
  what: 'our overlay',
  create: (host) => createNetwork(host, NETWORK, ['--subnet', '10.25.0.0/16', '-o', 'dns=off']),
}

interface Told {
  /** puts and deletions, to the two other hosts together */
  readonly events: number
  /** a second, to the same */
  readonly bytes: number
  /** the same before, with nothing started */
  readonly atRest: number
}

/** @returns events to whoever watches, and bytes a second to the others, while the task runs */
async function during(lab: Lab, task: () => Promise<void>) {
  const [before, from] = [await sentSoFar(lab), performance.now()]
  await task()
  const after = await sentSoFar(lab)
  const seconds = (performance.now() - from) / 1_000
  const others = lab.hosts.slice(1)
  return { events: after.events - before.events, bytes: bytesTo(others, before, after) / seconds }
}

/** @returns the same, while containers start on a host */
async function whileStarting(lab: Lab, host: Host): ReturnType<typeof during> {
  await sleep(SETTLE_MS)
  try {
    return await during(lab, async () => {
      for (const name of names) await runSleeper(host, name, NETWORK)
      await sleep(ARRIVE_MS)
    })
  } finally {
    await host.docker(['rm', '-f', ...names], { check: false })
  }
}

/** First one host has the network, which may watch what it writes itself; then all. */
async function told(lab: Lab, { create }: Case): Promise<Told> {
  const [host, ...others] = [lab.host(1), lab.host(2), lab.host(3)]
  try {
    await create(host)
    await runSleeper(host, NETWORK, NETWORK)
    const alone = await whileStarting(lab, host)
    for (const other of others) {
      await create(other)
      await runSleeper(other, NETWORK, NETWORK)
    }
    await sleep(SETTLE_MS)
    const rest = await during(lab, () => sleep(SETTLE_MS))
    const all = await whileStarting(lab, host)
    return { events: all.events - alone.events, bytes: all.bytes, atRest: rest.bytes }
  } finally {
    for (const one of lab.hosts) {
      await one.docker(['rm', '-f', NETWORK], { check: false })
      await one.docker(['network', 'rm', NETWORK], { check: false })
    }
  }
}

function rowsOf({ what, silent }: Case, found: Told): readonly Row[] {
  const goal = silent ? ({ is: '<=', value: 0 } as const) : undefined
  return [
    {
      what: `watch events to two other hosts of ${COUNT} new containers, ${what}`,
      unit: '',
      ours: found.events,
      ...(goal === undefined ? {} : { goal }),
    },
    {
      what: `bytes from etcd to the other hosts meanwhile, ${what}`,
      unit: 'B/s',
      ours: found.bytes,
      reference: { name: 'the same at rest', value: found.atRest },
    },
  ]
}

export const news: Measurement = {
  name: 'news',
  title: `what ${COUNT} new containers tell other hosts`,

  async run({ lab, log }) {
    const cases: readonly Case[] = [
      overlay,
      routedCase('host-gw', '10.26.0.0/16', false),
      routedCase('vxlan', '10.27.0.0/16', false),
      routedCase(ROUTED[0], '10.26.0.0/16', true),
    ]
    await countSent(lab)
    try {
      const rows: Row[] = []
      for (const one of cases) {
        log(one.what)
        const found = await told(lab, one)
        log(`${one.what}: ${found.events} events`)
        rows.push(...rowsOf(one, found))
      }
      return rows
    } finally {
      await stopCounting(lab)
    }
  },
}
