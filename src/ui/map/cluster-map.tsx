/** The live map. Its nodes are one tab stop; arrow keys go from one to the next. */
import type { RefObject } from 'preact'
import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import type { Cluster } from '../model/cluster.js'
import { isSame, type Select, type Selection } from '../model/selection.js'
import { Slots } from '../model/slots.js'
import { plural } from '../model/words.js'
import { BusLayout } from './bus-layout.js'
import { Drawn, type Looks, nameOf, Ring, Wire, type Wired } from './nodes.js'
import { type Layout, neighbour, type Shape } from './shape.js'
import { TileLayout } from './tile-layout.js'

/** With more hosts than these each is a tile. */
export const FEW = 6

const ARROWS: Readonly<Record<string, readonly [number, number]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
}

interface MapProps {
  readonly cluster: Cluster
  readonly rates: ReadonlyMap<string, number>
  readonly selection: Selection | undefined
  readonly select: Select
}

export function ClusterMap({ cluster, rates, selection, select }: MapProps) {
  const frame = useRef<HTMLDivElement>(null)
  const room = useWidth(frame)
  const layout = useLayout(cluster, room)
  const networks = useRef(new Slots())
  const slots = networks.current.place(cluster.networks.map(({ key }) => key))
  const bars = [...slots].sort(([, a], [, b]) => a - b).map(([key]) => key)
  const looks: Looks = {
    cluster,
    rates,
    bars: cluster.hosts.length > FEW ? bars : [],
    ...chosenOf(cluster, selection),
  }
  const { hosts, endpoints } = cluster
  const label = `Map of ${plural(hosts.length, 'host')}, ${plural(cluster.networks.length, 'network')} and ${plural(endpoints.length, 'endpoint')}; arrow keys move, Enter selects`
  return (
    <div class="map" ref={frame}>
      {room === 0 ? null : (
        <Nodes layout={layout} looks={looks} label={label} selection={selection} select={select} />
      )}
    </div>
  )
}

function chosenOf({ networks }: Cluster, selection: Selection | undefined) {
  const chosenNetwork = selection?.kind === 'network' ? selection.id : undefined
  const hosts = networks.find(({ key }) => key === chosenNetwork)?.hosts
  return { chosenNetwork, chosenHosts: new Set(hosts) }
}

interface NodesProps {
  readonly layout: Layout
  readonly looks: Looks
  readonly label: string
  readonly selection: Selection | undefined
  readonly select: Select
}

function Nodes({ layout, looks, label, selection, select }: NodesProps) {
  const { width, height, shapes } = layout
  const [active, setActive] = useState<string>()
  const ordered = useMemo(() => [...shapes].sort(inReadingOrder), [shapes])
  const current = shapes.find(({ id }) => id === active) ?? ordered[0]
  const choose = (shape: Shape): void => {
    setActive(shape.id)
    const chosen = selectionOf(shape)
    select(isSame(chosen, selection) ? undefined : chosen)
  }
  const press = (event: KeyboardEvent): void => {
    if (current === undefined) return
    if (event.key === 'Enter' || event.key === ' ') choose(current)
    else if (event.key === 'Escape') select(undefined)
    else {
      const next = target(event.key, ordered, current)
      if (next === undefined) return
      setActive(next.id)
      document.getElementById(next.id)?.focus()
    }
    event.preventDefault()
  }
  return (
    // biome-ignore lint/a11y/noSvgWithoutTitle: it has a name; a title would be a tooltip over all of it
    <svg
      width={width + 8}
      height={height + 8}
      viewBox={`-4 -4 ${width + 8} ${height + 8}`}
      {...asGroup(label, press)}
    >
      <g>
        {ordered.filter(isWired).map((shape) => (
          <g key={shape.id} class={stateOf(shape, looks, selection)}>
            <Wire shape={shape} />
          </g>
        ))}
      </g>
      {ordered.map((shape) => {
        const name = nameOf(shape, looks)
        const pressed = isSame(selectionOf(shape), selection)
        const state = stateOf(shape, looks, selection)
        return (
          <g
            key={shape.id}
            id={shape.id}
            class={`node node-${shape.kind} ${state}`}
            tabindex={shape === current ? 0 : -1}
            {...asButton(name, pressed)}
            {...acts(
              () => choose(shape),
              () => setActive(shape.id),
            )}
          >
            <title>{name}</title>
            <Drawn shape={shape} looks={looks} />
            <Ring box={shape.box} />
          </g>
        )
      })}
    </svg>
  )
}

/** Of SVG, which has no element for it. */
function asGroup(name: string, onKeyDown: (event: KeyboardEvent) => void) {
  return { role: 'group', 'aria-label': name, onKeyDown } as const
}

function acts(onClick: () => void, onFocus: () => void) {
  return { onClick, onFocus }
}

function asButton(name: string, pressed: boolean) {
  return { role: 'button', 'aria-label': name, 'aria-pressed': pressed } as const
}

function target(key: string, shapes: readonly Shape[], from: Shape): Shape | undefined {
  if (key === 'Home') return shapes[0]
  if (key === 'End') return shapes.at(-1)
  const arrow = ARROWS[key]
  return arrow === undefined ? undefined : neighbour(shapes, from, arrow[0], arrow[1])
}

function isWired(shape: Shape): shape is Wired {
  return shape.kind !== 'host'
}

function inReadingOrder(a: Shape, b: Shape): number {
  return a.box.y - b.box.y || a.box.x - b.box.x
}

/** A group stands for its host. */
function selectionOf(shape: Shape): Selection {
  switch (shape.kind) {
    case 'network':
      return { kind: 'network', id: shape.network.key }
    case 'endpoint':
      return { kind: 'endpoint', id: shape.endpoint.id }
    case 'host':
    case 'group':
      return { kind: 'host', id: shape.host.id }
  }
}

function stateOf(shape: Shape, looks: Looks, selection: Selection | undefined): string {
  const words = [
    ...(isSame(selectionOf(shape), selection) ? ['chosen'] : []),
    ...(isDim(shape, looks) ? ['dim'] : []),
  ]
  return words.join(' ')
}

/** What has nothing to do with the chosen network. */
function isDim(shape: Shape, { chosenHosts, chosenNetwork }: Looks): boolean {
  if (chosenNetwork === undefined) return false
  switch (shape.kind) {
    case 'host':
      return !chosenHosts.has(shape.host.title)
    case 'endpoint':
      return shape.endpoint.network !== chosenNetwork
    case 'network':
    case 'group':
      return shape.network.key !== chosenNetwork
  }
}

function useLayout(cluster: Cluster, room: number): Layout {
  const layouts = useRef({ bus: new BusLayout(), tile: new TileLayout() })
  return useMemo(() => {
    const { bus, tile } = layouts.current
    return (cluster.hosts.length > FEW ? tile : bus).of(cluster, room)
  }, [cluster, room])
}

/** Its room in pixels; 0 before it is known. */
function useWidth(frame: RefObject<HTMLElement | null>): number {
  const [width, setWidth] = useState(0)
  useEffect(() => {
    const element = frame.current
    if (element === null) return
    const observer = new ResizeObserver(() => setWidth(Math.max(0, element.clientWidth - 8)))
    observer.observe(element)
    return () => observer.disconnect()
  }, [frame])
  return width
}
