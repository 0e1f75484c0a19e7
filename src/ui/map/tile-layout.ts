/** Many hosts: a tile for each, all of one size, so that two hundred of them are seen at a glance. */
import type { Cluster } from '../model/cluster.js'
import { Slots } from '../model/slots.js'
import type { Layout } from './shape.js'

const GAP = 6
/** Of more hosts than `upTo`, the next kind. */
const KINDS = [
  { upTo: 60, w: 120, h: 74 },
  { upTo: Number.POSITIVE_INFINITY, w: 88, h: 48 },
] as const

export class TileLayout {
  readonly #hosts = new Slots()

  of(cluster: Cluster, room: number): Layout {
    const slots = this.#hosts.place(cluster.hosts.map(({ id }) => id))
    const kind = KINDS.find(({ upTo }) => cluster.hosts.length <= upTo) ?? KINDS[1]
    const perLine = Math.max(1, Math.floor((room + GAP) / (kind.w + GAP)))
    const w = (room - (perLine - 1) * GAP) / perLine
    const last = Math.max(0, ...slots.values())
    const shapes = cluster.hosts.map((host) => {
      const slot = slots.get(host.id) ?? 0
      const [x, y] = [(slot % perLine) * (w + GAP), Math.floor(slot / perLine) * (kind.h + GAP)]
      return { kind: 'host', id: `host ${host.id}`, host, box: { x, y, w, h: kind.h } } as const
    })
    const lines = Math.floor(last / perLine) + 1
    return { width: room, height: lines * (kind.h + GAP) - GAP, shapes }
  }
}
