/** The tables of a machine's own network namespace, as lines that are the same in each lab. */
import type { Machine } from './machine.js'
import { gateway6Of } from './names.js'

/** Sorted lines, each with the words of the command that shows it. */
export interface Tables {
  /** `ip route` and `ip -6 route`: the main table, without link-local addresses */
  readonly routes: readonly string[]
  /** `ip -d link` and the addresses of each, without lo */
  readonly links: readonly string[]
  /** `bridge fdb`: what leads to another machine, or was set by hand */
  readonly fdb: readonly string[]
  /** `ip neigh`: what is PERMANENT */
  readonly neighbours: readonly string[]
}

/** What stands in lines for a name, an address or a MAC: key → word. */
export type Words = ReadonlyMap<string, string>

const DELIMITER = '== tables =='
const COMMANDS = [
  'ip route',
  'ip -6 route',
  'ip -d -j addr',
  'bridge fdb',
  'ip neigh show nud permanent',
  'ip -6 neigh show nud permanent',
]
/** Names that Docker draws, and MACs that nobody has named. */
const RANDOM: readonly (readonly [RegExp, string])[] = [
  [/^veth[0-9a-f]{7}$/, 'veth'],
  [/^br-[0-9a-f]{12}$/, 'br-ID'],
  [/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/, 'MAC'],
]

/** @param words for what is not the same in each lab */
export async function tablesOf(machine: Machine, words: Words = new Map()): Promise<Tables> {
  const script = COMMANDS.join(` && echo '${DELIMITER}' && `)
  const { stdout } = await machine.sh(['sh', '-c', script])
  const [route = '', route6 = '', links = '', fdb = '', ...neighbours] = stdout.split(DELIMITER)
  const worded = (lines: readonly string[]) => lines.map((line) => inWords(line, words)).sort()
  return {
    routes: worded(routesOf(`${route}\n${route6}`)),
    links: worded(linksOf(links)),
    fdb: worded(fdbOf(fdb)),
    neighbours: worded(linesOf(neighbours.join('\n'))),
  }
}

/**
 * Words for the machines: their addresses are `h1`, the gateway is `gateway`.
 * @param devices names that differ from lab to lab → word; `tunnel` makes of its MAC on h2
 *   `tunnel@h2`
 */
export async function wordsOf(
  machines: readonly Machine[],
  devices: Readonly<Record<string, string>> = {},
): Promise<Map<string, string>> {
  const words = new Map(Object.entries(devices))
  for (const machine of machines) {
    words.set(machine.address, machine.name).set(machine.address6, machine.name)
    words.set(machine.gateway, 'gateway').set(gateway6Of(machine.segment), 'gateway')
    const links = JSON.parse((await machine.sh(['ip', '-j', 'link'])).stdout) as IpLink[]
    for (const { ifname, address } of links) {
      const word = devices[ifname]
      if (word !== undefined && address !== undefined) words.set(address, `${word}@${machine.name}`)
    }
  }
  return words
}

/** Each word of the line on its own, also before a prefix length. */
export function inWords(line: string, words: Words): string {
  return line
    .split(' ')
    .map((token) => {
      const [, base = token, rest = ''] = /^([^/]+)(\/\d+)$/.exec(token) ?? []
      const known = words.get(token)
      return known ?? `${words.get(base) ?? drawn(base)}${rest}`
    })
    .join(' ')
}

const drawn = (token: string): string =>
  RANDOM.find(([pattern]) => pattern.test(token))?.[1] ?? token

const linesOf = (text: string): string[] =>
  text
    .split('\n')
    .map((line) => line.trim().replaceAll(/\s+/g, ' '))
    .filter((line) => line !== '')

/** A link without carrier is about containers that run, `pref` about nothing here. */
export function routesOf(text: string): string[] {
  return linesOf(text)
    .map((line) => line.replaceAll(/ (linkdown|dead|pref medium)/g, ''))
    .filter((line) => !/^(fe80::|multicast |ff00::)/.test(line))
}

export function fdbOf(text: string): string[] {
  return linesOf(text).filter((line) => / dst | static\b|extern_learn/.test(line))
}

export interface IpLink {
  readonly ifindex: number
  readonly ifname: string
  readonly flags: readonly string[]
  readonly mtu: number
  readonly master?: string
  readonly address?: string
  readonly linkinfo?: {
    readonly info_kind?: string
    readonly info_data?: Readonly<Record<string, unknown>>
    readonly info_slave_kind?: string
    readonly info_slave_data?: Readonly<Record<string, unknown>>
  }
  readonly addr_info?: readonly {
    readonly local: string
    readonly prefixlen: number
    readonly scope: string
  }[]
}

/** @param text `ip -d -j addr` */
export function linksOf(text: string): string[] {
  const links = JSON.parse(text) as IpLink[]
  return links.filter(({ ifname }) => ifname !== 'lo').map(linkText)
}

function linkText(link: IpLink): string {
  const kind = link.linkinfo?.info_kind
  const lasting = (link.addr_info ?? []).filter(({ scope }) => scope !== 'link')
  return [
    link.ifname,
    `mtu ${link.mtu}`,
    link.flags.includes('UP') ? 'up' : 'down',
    ...(link.master === undefined ? [] : [`master ${link.master}`]),
    ...(link.address === undefined ? [] : [link.address]),
    ...(kind === undefined ? [] : [kind]),
    ...(kind === 'vxlan' ? vxlanWords(link.linkinfo?.info_data ?? {}) : []),
    ...portWords(link.linkinfo?.info_slave_data ?? {}),
    ...lasting.map(({ local, prefixlen }) => `inet ${local}/${prefixlen}`),
  ].join(' ')
}

function vxlanWords(data: Readonly<Record<string, unknown>>): string[] {
  const local = data['local'] ?? data['local6']
  return [
    `id ${data['id']}`,
    ...(local === undefined ? [] : [`local ${local}`]),
    ...(data['link'] === undefined ? [] : [`dev ${data['link']}`]),
    `dstport ${data['port']}`,
    ...(data['learning'] === false ? ['nolearning'] : []),
    ...['proxy', 'l2miss', 'l3miss', 'external'].filter((name) => data[name] === true),
  ]
}

/** Where a port of a bridge is not as the kernel makes it. */
function portWords(data: Readonly<Record<string, unknown>>): string[] {
  return [
    ...['learning', 'flood'].filter((name) => data[name] === false).map((name) => `${name} off`),
    ...['hairpin', 'isolated', 'neigh_suppress', 'locked']
      .filter((name) => data[name] === true)
      .map((name) => `${name} on`),
  ]
}
