/**
 * A few hosts: each is a column, each network a line across them, and endpoints hang on the line of
 * their network below their host.
 */
import {
  type Cluster,
  cellOf,
  type EndpointNode,
  type HostNode,
  type NetworkNode,
} from '../model/cluster.js'
import { HighWater, Slots } from '../model/slots.js'
import type { Layout, Shape } from './shape.js'

const LABEL_W = 176
const GAP = 16
const HOST_H = 60
const LINE_Y = 30
const DOT_R = 9
/** from the trunk, which hangs at the left, to the first of them */
const TICK = 20
const NAMED = { w: 122, h: 25, lines: 5 }
const PLAIN = { w: 25, h: 25, lines: 4 }
const GROUP = { w: 132, h: 28 }
const ROW_PAD = 24
const LEAST_COLUMN = 150

export class BusLayout {
  readonly #hosts = new Slots()
  readonly #networks = new Slots()
  readonly #cells = new Map<string, Slots>()
  #rows = new HighWater()
  #room = 0

  of(cluster: Cluster, room: number): Layout {
    if (room !== this.#room) this.#rows = new HighWater()
    this.#room = room
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
  for (const { w, h, lines } of [NAMED, PLAIN]) {
    const perLine = Math.max(1, Math.floor((width - TICK) / w))
    if (count <= perLine * lines) return { w, h, perLine, labelled: w === NAMED.w }
  }
  return undefined
}

function dots(
  endpoints: readonly EndpointNode[],
  places: ReadonlyMap<string, number>,
  grid: Grid & { readonly x: number; readonly line: number },
): readonly Shape[] {
  return endpoints.map((endpoint) => {
    const place = places.get(endpoint.id) ?? 0
    const [column, row] = [place % grid.perLine, Math.floor(place / grid.perLine)]
    // with names, each column of them hangs on a trunk of its own
    const trunk = grid.x + 8 + (grid.labelled ? column * grid.w : 0)
    const x = grid.labelled ? trunk + TICK : trunk + TICK + column * grid.w
    const y = grid.line + 20 + row * grid.h
    const text = grid.labelled ? grid.w - TICK - DOT_R - 8 : 0
    return {
      kind: 'endpoint',
      id: `endpoint ${endpoint.id}`,
      endpoint,
      labelled: grid.labelled,
      hang:
        grid.labelled || column === 0
          ? `M${trunk} ${grid.line}V${y}`
          : `M${x - grid.w + DOT_R} ${y}`,
      box: { x: x - DOT_R, y: y - DOT_R, w: 2 * DOT_R + text, h: 2 * DOT_R },
    }
  })
}

function groupCell(host: HostNode, network: NetworkNode, count: number, w: number): Cell {
  return {
    host,
    height: GROUP.h,
    shapes: (x, line) => {
      const box = { x: x + TICK, y: line + 10, w: Math.min(w - TICK, GROUP.w), h: GROUP.h }
      const id = `group ${cellOf(host.id, network.key)}`
      return [{ kind: 'group', id, host, network, count, hang: `M${x + 8} ${line}`, box }]
    },
  }
}

function sortedBy(networks: readonly NetworkNode[], slots: ReadonlyMap<string, number>) {
  return [...networks].sort((a, b) => (slots.get(a.key) ?? 0) - (slots.get(b.key) ?? 0))
}
