/** What routed networks have in the host's own namespace, and who reaches whom by it. */
import type { Host } from '../lab/host.js'

/** `--subnet` and backend of a routed network. */
export const routed = (backend: string, pool: string, ...more: string[]): string[] => [
  '--subnet',
  pool,
  '-o',
  `backend=${backend}`,
  ...more,
]

/** Lines of a command on the host that have a text in them, without its blanks at the ends. */
export async function linesWith(
  host: Host,
  argv: readonly string[],
  text: string,
): Promise<string[]> {
  const { stdout } = await host.sh(argv)
  const lines = stdout.split('\n').map((line) => line.trim().replace(/ +/g, ' '))
  return lines.filter((line) => line.includes(text)).sort()
}

/** Routes of the main table, of either family. */
export async function routesOf(host: Host, text: string): Promise<string[]> {
  const four = await linesWith(host, ['ip', '-4', 'route'], text)
  return [...four, ...(await linesWith(host, ['ip', '-6', 'route'], text))]
}

/** The device of a network's tunnel. */
export async function tunnelOf(host: Host, network: string): Promise<string> {
  const format = '{{.Id}}'
  const id = (await host.docker(['network', 'inspect', '-f', format, network])).stdout.trim()
  const status = await host.sh(['/run/tsoverlay/cli', 'status', '--json'])
  const { networks } = JSON.parse(status.stdout) as Status
  const [vni] = networks.find((one) => one.id === id)?.vnis ?? []
  return `tsv-${vni}`
}

interface Status {
  readonly networks: readonly { readonly id: string; readonly vnis: readonly number[] }[]
}

/** Where the FDB of a tunnel leads to. */
export async function fdbOf(host: Host, device: string): Promise<string[]> {
  const lines = await linesWith(host, ['bridge', 'fdb', 'show', 'dev', device], ' dst ')
  return lines.map((line) => / dst (\S+) /.exec(line)?.[1] ?? '').sort()
}

/** `10.44.1.0/24` of `10.44.1.7`. */
export const blockOf = (address: string): string => address.replace(/\.\d+$/, '.0/24')

/** One ping, a second at most. */
export async function pings(
  host: Host,
  container: string,
  to: string,
  ...flags: string[]
): Promise<boolean> {
  const argv = ['exec', container, 'ping', '-c', '1', '-W', '1', ...flags, to]
  return (await host.docker(argv, { check: false })).code === 0
}

/** IPv6 address of a container on a network. */
export async function address6Of(host: Host, container: string, network: string): Promise<string> {
  const format = `{{(index .NetworkSettings.Networks "${network}").GlobalIPv6Address}}`
  return (await host.docker(['inspect', '-f', format, container])).stdout.trim()
}
