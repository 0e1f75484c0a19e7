/** A way without a kernel: everything that is sent is heard everywhere, but where a test takes it away. */
import type { Ear, Flow, Heard, LivePackets, OpenEar, OpenSender } from '../../src/core/live.js'

export class FakeLive implements LivePackets {
  /** how many are heard, by `dev probes` and `dev answers`; absent: all */
  readonly heard = new Map<string, number>()
  /** devices that are not there */
  readonly absent = new Set<string>()
  /** what the kernel says to who sends */
  refuses: string | undefined
  /** answers that refuse the connection */
  resets = 0
  readonly flows: Flow[] = []
  readonly ears: (Ear & { readonly what: string })[] = []
  open = 0
  sent = 0

  hear(_flow: Flow, what: 'probes' | 'answers', ear: Ear): OpenEar | string {
    if (this.absent.has(ear.dev)) return 'ENODEV'
    this.ears.push({ ...ear, what })
    this.open += 1
    return {
      heard: (): Heard => ({
        packets: this.heard.get(`${ear.dev} ${what}`) ?? this.sent,
        resets: what === 'answers' ? this.resets : 0,
      }),
      close: () => {
        this.open -= 1
      },
    }
  }

  sender(flow: Flow): OpenSender | string {
    this.flows.push(flow)
    return {
      send: () => {
        if (this.refuses === undefined) this.sent += 1
        return this.refuses
      },
      close: () => undefined,
    }
  }
}
