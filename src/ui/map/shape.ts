/** What is drawn where: the result of the two layouts, in pixels of the map. */
import type { EndpointNode, HostNode, NetworkNode } from '../model/cluster.js'

export interface Box {
  readonly x: number
  readonly y: number
  readonly w: number
  readonly h: number
}

export type Shape =
  | { readonly kind: 'host'; readonly id: string; readonly box: Box; readonly host: HostNode }
  | {
      readonly kind: 'network'
      readonly id: string
      readonly box: Box
      readonly network: NetworkNode
      /** where its line ends */
      readonly until: number
    }
  | {
      readonly kind: 'endpoint'
      readonly id: string
      readonly box: Box
      readonly endpoint: EndpointNode
      readonly labelled: boolean
      /** the path from its network's line to its height */
      readonly hang: string
    }
  | {
      /** many endpoints of one network on one host */
      readonly kind: 'group'
      readonly id: string
      readonly box: Box
      readonly host: HostNode
      readonly network: NetworkNode
      readonly count: number
      readonly hang: string
    }

export interface Layout {
  readonly width: number
  readonly height: number
  readonly shapes: readonly Shape[]
}

/** The next shape in a direction: near, and rather straight ahead. */
export function neighbour(
  shapes: readonly Shape[],
  from: Shape,
  dx: number,
  dy: number,
): Shape | undefined {
  let best: Shape | undefined
  let least = Number.POSITIVE_INFINITY
  const a = centre(from.box)
  for (const shape of shapes) {
    const b = centre(shape.box)
    const ahead = (b.x - a.x) * dx + (b.y - a.y) * dy
    const aside = Math.abs((b.x - a.x) * dy) + Math.abs((b.y - a.y) * dx)
    if (ahead < 4) continue
    const distance = ahead + 3 * aside
    if (distance >= least) continue
    least = distance
    best = shape
  }
  return best
}

function centre({ x, y, w, h }: Box): { x: number; y: number } {
  return { x: x + w / 2, y: y + h / 2 }
}
