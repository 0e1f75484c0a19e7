/**
 * Hears probes behind vxlan devices of ours: by packet sockets that get frames of our own EtherType from
 * one device, so the kernel does no more for any other packet. Node cannot wait for such a socket; they
 * are looked at while there are any, which is for the seconds of a `doctor` or a `trace`.
 */
import { closeSync } from 'node:fs'
import type { Place } from '../../core/plan.js'
import type { Probe } from '../../core/probe.js'
import { openFrameEar, receiveNow } from '../libc.js'
import { enterPlace } from '../places/enter-place.js'
import type { Home } from '../places/netns.js'
import { decodeProbe, PROBE_TYPE } from './probe-frame.js'

const LOOK_MS = 4
/** What tells of itself is in the head; the rest is padding. */
const ROOM = 128
/** In one look at one socket: nobody is kept from other work. */
const MOST = 256

type Listener = (probe: Probe) => void

export class ProbeEars {
  readonly #home: Home
  readonly #netnsDir: string
  readonly #ears = new Map<number, Listener>()
  #timer: NodeJS.Timeout | undefined

  constructor(home: Home, netnsDir: string) {
    this.#home = home
    this.#netnsDir = netnsDir
  }

  /** As Dataplane.hearProbes. */
  open(place: Place, dev: string, onProbe: Listener): (() => void) | undefined {
    const fd = this.#opened(place, dev)
    if (fd === undefined) return undefined
    this.#ears.set(fd, onProbe)
    this.#timer ??= setInterval(() => this.#look(), LOOK_MS)
    return () => this.#close(fd)
  }

  close(): void {
    for (const fd of [...this.#ears.keys()]) this.#close(fd)
  }

  #opened(place: Place, dev: string): number | undefined {
    const opened = enterPlace(this.#home, this.#netnsDir, place, () =>
      openFrameEar(dev, PROBE_TYPE),
    )
    return typeof opened?.made === 'number' ? opened.made : undefined
  }

  #look(): void {
    for (const [fd, onProbe] of [...this.#ears]) {
      for (let turn = 0; turn < MOST && this.#ears.has(fd); turn += 1) {
        const frame = receiveNow(fd, ROOM)
        if (frame === undefined) break
        const probe = decodeProbe(frame)
        if (probe !== undefined) onProbe(probe)
      }
    }
  }

  #close(fd: number): void {
    if (!this.#ears.delete(fd)) return
    closeSync(fd)
    if (this.#ears.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }
}
