/** Fifty containers at once on one host, until one on another host reaches them all. */
import type { Host } from '../lab/host.js'
import { addressOf, createNetwork, runSleeper } from '../lab/tsoverlay.js'
import type { Measurement } from './measurement.js'
import { interleaved, median } from './statistics.js'

const COUNT = 50
/** A round takes a minute or more: fewer than of the other measurements. */
const ROUNDS = 3
const LIMIT = { timeoutMs: 300_000 }

const names = Array.from({ length: COUNT }, (_, at) => `crowd${at}`)

/** @returns milliseconds from the first `docker run` until the last is reached */
async function round(host: Host, looker: Host, network: string): Promise<number> {
  const from = `looker-${network}`
  const before = performance.now()
  try {
    const run = (name: string) => [
      'run',
      '-d',
      '--name',
      name,
      '--net',
      network,
      'lab',
      'sleep',
      '600',
    ]
    await Promise.all(names.map((name) => host.docker(run(name), LIMIT)))
    const addresses = await Promise.all(names.map((name) => addressOf(host, name, network)))
    const script = `for ip in ${addresses.join(' ')}; do until ping -c 1 -W 1 -q $ip; do :; done; done`
    await looker.docker(['exec', from, 'sh', '-c', script], LIMIT)
    return performance.now() - before
  } finally {
    await host.docker(['rm', '-f', ...names], { ...LIMIT, check: false })
  }
}

export const crowd: Measurement = {
  name: 'crowd',
  title: `${COUNT} containers at once on one host, all reached from another, ${ROUNDS} rounds`,

  async run({ lab, native, log }) {
    const [one, two] = [lab.host(1), lab.host(2)]
    const theirs = await native()
    for (const host of [one, two]) await createNetwork(host, 'crowd', ['--subnet', '10.25.0.0/16'])
    for (const network of ['crowd', theirs]) await runSleeper(two, `looker-${network}`, network)
    try {
      const took = await interleaved(
        ROUNDS,
        { ours: () => round(one, two, 'crowd'), native: () => round(one, two, theirs) },
        log,
      )
      return [
        {
          what: `${COUNT} containers at once, all reached`,
          unit: 's',
          ours: median(took.ours) / 1_000,
          reference: { name: 'swarm overlay', value: median(took.native) / 1_000 },
          goal: { is: '<=', value: 0.6 },
        },
      ]
    } finally {
      await two.docker(['rm', '-f', 'looker-crowd', `looker-${theirs}`], { check: false })
      for (const host of [one, two]) await host.docker(['network', 'rm', 'crowd'], { check: false })
    }
  },
}
