/** Ears along a part of the way, on one host. */
import type { LiveHop } from '../../../core/admin/live.js'
import type { Flow, Heard, LivePackets, OpenEar } from '../../../core/live.js'
import type { Spot } from './spots.js'

interface Listener {
  readonly spot: Spot
  /** else the name of an errno */
  readonly probes: OpenEar | string
  readonly answers: OpenEar | string
}

/** What is no fault of ours; else the errno is told as it is. */
const WHY: Readonly<Record<string, string>> = {
  ENODEV: 'the device is not there',
  ENOENT: 'its network namespace is not there',
}

export class Listening {
  readonly #host: string
  readonly #listeners: readonly Listener[]

  /** @param host name of this one */
  constructor(live: LivePackets, host: string, flow: Flow, spots: readonly Spot[]) {
    this.#host = host
    this.#listeners = spots.map((spot) => ({
      spot,
      probes: live.hear(flow, 'probes', spot.there),
      answers: live.hear(flow, 'answers', spot.back),
    }))
  }

  /** What was heard so far, in the order of the spots. */
  hops(): readonly LiveHop[] {
    return this.#listeners.map(({ spot, probes, answers }) => {
      const { hop, about } = spot
      const [there, back] = [heardBy(probes), heardBy(answers)]
      return {
        ...{ host: this.#host, hop, about },
        ...(there === undefined ? {} : { heard: there.packets }),
        ...(back === undefined ? {} : { answers: back.packets, resets: back.resets }),
        ...(typeof probes === 'string' ? { problem: problemOf(probes) } : {}),
        way: spot.there.way,
        look: { in: lookAt(spot, 'ingress'), out: lookAt(spot, 'egress') },
      }
    })
  }

  close(): void {
    for (const { probes, answers } of this.#listeners)
      for (const ear of [probes, answers]) if (typeof ear !== 'string') ear.close()
  }
}

function heardBy(ear: OpenEar | string): Heard | undefined {
  return typeof ear === 'string' ? undefined : ear.heard()
}

function problemOf(errno: string): string {
  return WHY[errno] ?? `nobody can listen there: ${errno}`
}

function lookAt({ there: { dev }, into }: Spot, side: 'ingress' | 'egress'): string {
  const looks = `nft list ruleset netdev; tc filter show dev ${dev} ${side}`
  return into === '' ? looks : `${into} sh -c '${looks}'`
}
