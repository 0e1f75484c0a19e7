/** How hosts, networks and endpoints look on the map. */
import type { Cluster } from '../model/cluster.js'
import { cellOf, type HostNode, type NetworkNode } from '../model/cluster.js'
import { plural, rate } from '../model/words.js'
import { MarkShape } from '../parts/mark.js'
import type { Box, Shape } from './shape.js'

export interface Looks {
  readonly cluster: Cluster
  /** bytes a second by endpoint, of this host's */
  readonly rates: ReadonlyMap<string, number>
  /** of many hosts, how the networks are told apart in their tiles */
  readonly bars: readonly string[]
  readonly chosenNetwork: string | undefined
  /** names of those that have it */
  readonly chosenHosts: ReadonlySet<string>
}

/** A host's tile or box has no line of its own. */
export type Wired = Exclude<Shape, { kind: 'host' }>
type Of<K extends Shape['kind']> = Extract<Shape, { kind: K }>

/** What is read out for it: with the words that are seen, as they are seen. */
export function nameOf(shape: Shape, looks: Looks): string {
  switch (shape.kind) {
    case 'host':
      return hostName(shape, looks)
    case 'network': {
      const { title, health, endpoints } = shape.network
      const seen = `${title} ${networkWords(shape.network)}`
      return `Network ${seen}, ${health.word}, ${plural(endpoints, 'endpoint')}`
    }
    case 'endpoint': {
      const { title, hostName, networkName, health, addresses, id } = shape.endpoint
      const speed = looks.rates.get(id)
      const traffic = speed === undefined ? '' : `, ${rate(speed)}`
      return `Endpoint ${title} on ${hostName}, network ${networkName}, ${addresses.join(', ')}, ${health.word}${traffic}`
    }
    case 'group':
      return `${plural(shape.count, 'endpoint')} of ${shape.network.title} on ${shape.host.title}`
  }
}

function hostName({ host, box }: Of<'host'>, looks: Looks): string {
  const { self, vtep, health, endpoints, networks } = host
  const counts = `${plural(endpoints, 'endpoint')}, ${plural(networks, 'network')}`
  if (looks.bars.length === 0) {
    return `Host ${hostTitle(host)} ${hostWords(host)}, ${health.word}, ${counts}`
  }
  const seen = isTall(box) ? `${host.title} ${tileWords(host, looks)}` : host.title
  const who = self ? ', this host' : ''
  return `Host ${seen}${who}, ${health.word}, VTEP ${vtep || 'unknown'}, ${counts}`
}

function hostTitle({ title, self }: HostNode): string {
  return self ? `${title} (this host)` : title
}

function hostWords({ vtep, health }: HostNode): string {
  return `VTEP ${vtep || 'unknown'}${health.level === 'ok' ? '' : ` · ${health.word}`}`
}

function networkWords({ vnis, backend }: NetworkNode): string {
  return `VNI ${vnis.join(', ') || '–'} · ${backend}`
}

/** Room for more than a name. */
function isTall({ h }: Box): boolean {
  return h >= 60
}

export function Drawn({ shape, looks }: { readonly shape: Shape; readonly looks: Looks }) {
  switch (shape.kind) {
    case 'host':
      return looks.bars.length > 0 ? (
        <Tile shape={shape} looks={looks} />
      ) : (
        <HostBox shape={shape} />
      )
    case 'network':
      return <NetworkLabel shape={shape} />
    case 'endpoint':
      return <Dot shape={shape} speed={looks.rates.get(shape.endpoint.id) ?? 0} />
    case 'group':
      return <Group shape={shape} />
  }
}

/** What ties it to its network: no part of the node, whose place is what it is seen and heard at. */
export function Wire({ shape }: { readonly shape: Wired }) {
  const { x, y, w, h } = shape.box
  switch (shape.kind) {
    case 'network':
      return <path class="bus" d={`M${x + w} ${y + 24}H${shape.until}`} />
    case 'endpoint':
      return <path class="stub" d={`${shape.hang}H${x}`} />
    case 'group':
      return <path class="stub" d={`${shape.hang}V${y + h / 2}H${x}`} />
  }
}

function HostBox({ shape: { box, host } }: { readonly shape: Of<'host'> }) {
  const { x, y, w, h } = box
  return (
    <>
      <rect class={`host-box host-${host.health.level}`} x={x} y={y} width={w} height={h} rx={8} />
      <Sign x={x + 12} y={y + 12} level={host.health.level} />
      <text class="title" x={x + 34} y={y + 24}>
        {cut(hostTitle(host), (w - 44) / 7.4)}
      </text>{' '}
      <text class="faint" x={x + 34} y={y + 43}>
        {cut(hostWords(host), (w - 44) / 6.3)}
      </text>
    </>
  )
}

const BAR_H = 16

/** Bars tell how many endpoints of each network it has; a tall one has words for them, too. */
function Tile({
  shape: { box, host },
  looks,
}: {
  readonly shape: Of<'host'>
  readonly looks: Looks
}) {
  const { x, y, w, h } = box
  const base = y + 42
  return (
    <>
      <rect class={`host-box host-${host.health.level}`} x={x} y={y} width={w} height={h} rx={6} />
      <Sign x={x + 7} y={y + 6} level={host.health.level} />
      <text class="title" x={x + 26} y={y + 18}>
        {cut(host.title, (w - 29) / 7.2)}
      </text>
      <path class="bar-base" d={`M${x + 7} ${base + 0.5}h${w - 14}`} />
      <Bars host={host} looks={looks} box={{ x: x + 7, y: base - BAR_H, w: w - 14, h: BAR_H }} />
      {isTall(box) ? (
        <text class="faint" x={x + 8} y={y + h - 11}>
          {tileWords(host, looks)}
        </text>
      ) : null}
    </>
  )
}

/** What is wrong, else how many endpoints it has: of the chosen network, if there is one. */
function tileWords(host: HostNode, { cluster, chosenNetwork }: Looks): string {
  if (host.health.level !== 'ok') return host.health.word
  if (chosenNetwork === undefined) return plural(host.endpoints, 'endpoint')
  return plural(cluster.cells.get(cellOf(host.id, chosenNetwork))?.length ?? 0, 'endpoint')
}

interface BarsProps {
  readonly host: HostNode
  readonly looks: Looks
  readonly box: Box
}

function Bars({ host, looks: { cluster, bars, chosenNetwork }, box }: BarsProps) {
  const step = box.w / bars.length
  const width = Math.max(1.5, Math.min(10, step - 1.5))
  return (
    <>
      {bars.map((network, at) => {
        const count = cluster.cells.get(cellOf(host.id, network))?.length ?? 0
        if (count === 0) return null
        const height = Math.min(box.h, 4 + 3 * Math.log2(count))
        return (
          <rect
            key={network}
            class={network === chosenNetwork ? 'bar bar-chosen' : 'bar'}
            x={box.x + at * step}
            y={box.y + box.h - height}
            width={width}
            height={height}
          />
        )
      })}
    </>
  )
}

function NetworkLabel({ shape: { box, network } }: { readonly shape: Of<'network'> }) {
  const { x, y, w, h } = box
  return (
    <>
      <rect
        class={`network-box host-${network.health.level}`}
        x={x}
        y={y}
        width={w}
        height={h}
        rx={6}
      />
      <Sign x={x + 10} y={y + 9} level={network.health.level} />
      <text class="title" x={x + 30} y={y + 21}>
        {cut(network.title, (w - 38) / 7.4)}
      </text>{' '}
      <text class="faint" x={x + 30} y={y + 39}>
        {cut(networkWords(network), (w - 38) / 6.3)}
      </text>
    </>
  )
}

function Dot({ shape, speed }: { readonly shape: Of<'endpoint'>; readonly speed: number }) {
  const { box, endpoint, labelled } = shape
  const r = box.h / 2
  const [x, y] = [box.x + r, box.y + r]
  return (
    <>
      <path class="flow" d={`M${box.x - 11} ${y}H${box.x}`} stroke-width={flowWidth(speed)} />
      <circle class={`dot dot-${endpoint.health.level}`} cx={x} cy={y} r={r - 1} />
      {endpoint.health.level === 'ok' ? null : (
        <Sign x={x - 7} y={y - 7} level={endpoint.health.level} />
      )}
      {labelled ? (
        <text class="label" x={x + r + 4} y={y + 4}>
          {cut(endpoint.title, (box.w - 2 * r - 2) / 7.2)}
        </text>
      ) : null}
    </>
  )
}

/** Wider with each power of ten from 1 kB/s on, up to 9 pixels; none below. */
function flowWidth(speed: number): number {
  return speed < 1_000 ? 0 : Math.min(9, 1.5 * Math.log10(speed) - 2.5)
}

function Group({ shape: { box, count } }: { readonly shape: Of<'group'> }) {
  const { x, y, w, h } = box
  return (
    <>
      <rect class="group-box" x={x} y={y} width={w} height={h} rx={h / 2} />
      <text class="label" x={x + 14} y={y + 19}>
        {plural(count, 'endpoint')}
      </text>
    </>
  )
}

function Sign({
  x,
  y,
  level,
}: {
  readonly x: number
  readonly y: number
  readonly level: HostNode['health']['level']
}) {
  return (
    <g transform={`translate(${x} ${y})`}>
      <MarkShape level={level} />
    </g>
  )
}

/** Seen around what has the focus, and around what is chosen. */
export function Ring({ box }: { readonly box: Box }) {
  const { x, y, w, h } = box
  return (
    <rect class="ring" x={x - 3} y={y - 3} width={w + 6} height={h + 6} rx={Math.min(10, h / 2)} />
  )
}

function cut(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, Math.max(1, Math.floor(most) - 1))}…`
}
