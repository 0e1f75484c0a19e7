/**
 * A few hosts: each is a column, each network a line across them, and endpoints hang on the line of
 * their network below their host.
 */
import { type Cluster, cellOf, type EndpointNode, type HostNode, type NetworkNode } from '../model/cluster.js'
import { HighWater, Slots } from '../model/slots.js'
import type { Layout, Shape } from './shape.js'

const LABEL_W = 176
const GAP = 16
const HOST_H = 60
const LINE_Y = 30
const DOT_R = 9
const NAMED = { w: 92, h: 52 }
const PLAIN = { w: 26, h: 28 }
const MOST_LINES = 3
const ROW_PAD = 26
const LEAST_COLUMN = 150

export class BusLayout {
  readonly #hosts = new Slots()
  readonly #networks = new Slots()
  readonly #cells = new Map<string, Slots>()
  readonly #rows = new HighWater()

  of(cluster: Cluster, room: number): Layout {
    const columns = this.#hosts.place(cluster.hosts.map(({ id }) => id))
    const rows = this.#networks.place(cluster.networks.map(({ key }) => key))
    const count = Math.max(1, ...[...columns.values()].map((slot) => slot + 1))
    const w = Math.max(LEAST_COLUMN, (room - LABEL_W - GAP * count) / count)
    const width = LABEL_W + count * (w + GAP)
    const columnX = (host: HostNode) => LABEL_W + GAP + (columns.get(host.id) ?? 0) * (w + GAP)
    const shapes: Shape[] = cluster.hosts.map((host) => ({
      kind: 'host',
      id: `host ${host.id}`,
      host,
      box: { x: columnX(host), y: 0, w, h: HOST_H },
    }))
    let y = HOST_H + GAP
    for (const network of sortedBy(cluster.networks, rows)) {
      const cells = cluster.hosts.map((host) => this.#cell(cluster, host, network, w))
      const most = Math.max(0, ...cells.map(({ height }) => height))
      const height = this.#rows.of(network.key, LINE_Y + most + ROW_PAD)
      const line = y + LINE_Y
      shapes.push({
        kind: 'network',
        id: `network ${network.key}`,
        network,
        box: { x: 0, y: y + 6, w: LABEL_W - 8, h: 48 },
        until: width,
      })
      for (const cell of cells) shapes.push(...cell.shapes(columnX(cell.host), line))
      y += height
    }
    return { width, height: y, shapes }
  }

  #cell(cluster: Cluster, host: HostNode, network: NetworkNode, w: number): Cell {
    const id = cellOf(host.id, network.key)
    const endpoints = cluster.cells.get(id) ?? []
    const slots = this.#cells.get(id) ?? new Slots()
    this.#cells.set(id, slots)
    const places = slots.place(endpoints.map((endpoint) => endpoint.id))
    const last = Math.max(-1, ...places.values())
    const grid = gridOf(last + 1, w)
    if (grid === undefined) return groupCell(host, network, endpoints.length, w)
    const lines = Math.ceil((last + 1) / grid.perLine)
    return {
      host,
      height: lines * grid.h,
      shapes: (x, line) => dots(endpoints, places, { ...grid, x, line }),
    }
  }
}

interface Cell {
  readonly host: HostNode
  /** below the line */
  readonly height: number
  readonly shapes: (x: number, line: number) => readonly Shape[]
}

interface Grid {
  readonly w: number
  readonly h: number
  readonly perLine: number
  readonly labelled: boolean
}

/** Undefined: too many to be drawn one by one. */
function gridOf(count: number, width: number): Grid | undefined {
  const named = Math.max(1, Math.floor(width / NAMED.w))
  if (count <= named * MOST_LINES) return { ...NAMED, perLine: named, labelled: true }
  const plain = Math.floor(width / PLAIN.w)
  if (count <= plain * MOST_LINES) return { ...PLAIN, perLine: plain, labelled: false }
  return undefined
}

function dots(
  endpoints: readonly EndpointNode[],
  places: ReadonlyMap<string, number>,
  grid: Grid & { readonly x: number; readonly line: number },
): readonly Shape[] {
  return endpoints.map((endpoint) => {
    const place = places.get(endpoint.id) ?? 0
    const x = grid.x + (place % grid.perLine) * grid.w + grid.w / 2
    const y = grid.line + 14 + Math.floor(place / grid.perLine) * grid.h + DOT_R
    return {
      kind: 'endpoint',
      id: `endpoint ${endpoint.id}`,
      endpoint,
      labelled: grid.labelled,
      line: grid.line,
      box: { x: x - DOT_R, y: y - DOT_R, w: 2 * DOT_R, h: 2 * DOT_R },
    }
  })
}

function groupCell(host: HostNode, network: NetworkNode, count: number, w: number): Cell {
  const box = { w: Math.min(w - 16, 150), h: 30 }
  return {
    host,
    height: NAMED.h,
    shapes: (x, line) => [
      {
        kind: 'group',
        id: `group ${cellOf(host.id, network.key)}`,
        host,
        network,
        count,
        line,
        box: { x: x + 8, y: line + 12, ...box },
      },
    ],
  }
}

function sortedBy(networks: readonly NetworkNode[], slots: ReadonlyMap<string, number>) {
  return [...networks].sort((a, b) => (slots.get(a.key) ?? 0) - (slots.get(b.key) ?? 0))
}
