/** Many hosts: a tile for each, all of one size, so that two hundred of them are seen at a glance. */
import type { Cluster } from '../model/cluster.js'
import { Slots } from '../model/slots.js'
import type { Layout } from './shape.js'

const GAP = 8
const LEAST_W = 104
const TILE_H = 74

export class TileLayout {
  readonly #hosts = new Slots()

  of(cluster: Cluster, room: number): Layout {
    const slots = this.#hosts.place(cluster.hosts.map(({ id }) => id))
    const perLine = Math.max(1, Math.floor((room + GAP) / (LEAST_W + GAP)))
    const w = (room - (perLine - 1) * GAP) / perLine
    const last = Math.max(0, ...slots.values())
    const shapes = cluster.hosts.map((host) => {
      const slot = slots.get(host.id) ?? 0
      const [x, y] = [(slot % perLine) * (w + GAP), Math.floor(slot / perLine) * (TILE_H + GAP)]
      return { kind: 'host', id: `host ${host.id}`, host, box: { x, y, w, h: TILE_H } } as const
    })
    const lines = Math.floor(last / perLine) + 1
    return { width: room, height: lines * (TILE_H + GAP) - GAP, shapes }
  }
}
