/** What is ours in a host's own namespace, as lines: of routed networks. */
import type { Host } from '../lab/host.js'
import { routesOf } from '../lab/tables.js'

/** Each line has no more in it than what is compared. */
export interface HostKernel {
  /** `tsb-…`, `tsv-256`, `tsp-… in tsb-…` */
  readonly links: readonly string[]
  /** as `ip route` has them: of protocol 116, and what is on the link of a bridge */
  readonly routes: readonly string[]
  /** `10.20.2.0 on tsv-256 at 192.0.2.2`: a neighbour, and the FDB entry of its MAC */
  readonly hops: readonly string[]
  /** `10.20.2.7 on tsb-…` */
  readonly proxies: readonly string[]
  /** `tsp-… has 10.20.1.7`, `tsb-… has 10.20.0.0/16`: what packets are checked against */
  readonly rules: readonly string[]
  /** the MAC of all tunnels; absent: there is none */
  readonly mac?: string
  /** MAC of another host's tunnels → where it is reached */
  readonly peers: ReadonlyMap<string, string>
}

interface Link {
  readonly ifname: string
  readonly master?: string
  readonly address?: string
}
interface Neighbour {
  readonly dst: string
  readonly dev: string
  readonly lladdr?: string
}
interface FdbEntry {
  readonly mac: string
  readonly ifname: string
  readonly dst?: string
}

const DELIMITER = '== next =='
const COMMANDS = [
  'ip -j link',
  'ip route',
  'ip -j neigh show nud permanent',
  'ip -j neigh show proxy',
  'bridge -j fdb',
  'nft list set bridge tsoverlay ip4 2>&1 || true',
  'nft list set inet tsoverlay_routed own4 2>&1 || true',
]
const OURS = /^ts[bvp]-/

export async function hostKernel(host: Host): Promise<HostKernel> {
  const script = COMMANDS.join(` && echo '${DELIMITER}' && `)
  const { stdout } = await host.sh(['sh', '-c', script])
  const [links = '', routes = '', neighbours = '', proxies = '', fdb = '', ...rules] =
    stdout.split(DELIMITER)
  const ours = listOf<Link>(links).filter(({ ifname }) => OURS.test(ifname))
  const mac = ours.find(({ ifname }) => ifname.startsWith('tsv-'))?.address
  const remote = listOf<FdbEntry>(fdb).filter(
    ({ ifname, dst }) => OURS.test(ifname) && dst !== undefined,
  )
  const near = listOf<Neighbour>(neighbours).filter(({ dev }) => OURS.test(dev))
  return {
    links: ours.map(({ ifname, master }) =>
      master === undefined ? ifname : `${ifname} in ${master}`,
    ),
    // What passes on the way there was measured: neither dockerds nor the store know of it.
    routes: routesOf(routes)
      .filter((line) => / (proto 116|dev tsb-\S+) /.test(`${line} `))
      .map((line) => line.replace(/ mtu \d+/, '')),
    hops: hopsOf(near, remote),
    proxies: listOf<Neighbour>(proxies)
      .filter(({ dev }) => OURS.test(dev))
      .map(({ dst, dev }) => `${dst} on ${dev}`),
    rules: rulesOf(rules.join('\n')),
    ...(mac === undefined ? {} : { mac }),
    peers: new Map(remote.map((one) => [one.mac, one.dst ?? ''])),
  }
}

function listOf<T>(json: string): T[] {
  return JSON.parse(json.trim() || '[]') as T[]
}

/** An FDB entry that no neighbour leads to is a line of its own. */
function hopsOf(near: readonly Neighbour[], remote: readonly FdbEntry[]): string[] {
  const lines = near.map(({ dst, dev, lladdr }) => {
    const entry = remote.find((one) => one.ifname === dev && one.mac === lladdr)
    return `${dst} on ${dev} at ${entry?.dst ?? `${lladdr}, which is nowhere`}`
  })
  const unused = remote.filter(
    ({ mac, ifname }) => !near.some((one) => one.dev === ifname && one.lladdr === mac),
  )
  return [...lines, ...unused.map(({ mac, ifname, dst }) => `${mac} on ${ifname} at ${dst}`)]
}

/** Elements of sets as `nft list set` prints them: `"tsp-…" . 10.20.1.7`; strangers' ports are veths. */
function rulesOf(text: string): string[] {
  return [...text.matchAll(/"(ts[bp]-\w+)" \. ([\d./]+)/g)].map(([, dev, ip]) => `${dev} has ${ip}`)
}
