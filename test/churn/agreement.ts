/** Whether dockerds, kernels and store say the same. */
import type { NameReport } from '../../src/core/admin.js'
import { fdb, neighbours, ports, storeKeys } from '../e2e/traces.js'
import type { Host } from '../lab/host.js'
import type { Lab } from '../lab/lab.js'
import { sandboxOf } from '../lab/tsoverlay.js'
import { NETWORKS } from './operations.js'

export interface Attachment {
  readonly host: Host
  readonly network: string
  /** of the container */
  readonly name: string
  readonly endpoint: string
  readonly ip: string
  readonly mac: string
}

interface Inspected {
  readonly Name: string
  readonly State: { readonly Running: boolean }
  readonly NetworkSettings: {
    readonly Networks: Readonly<
      Record<string, { EndpointID: string; IPAddress: string; MacAddress: string }>
    >
  }
}

/** Attachments of running containers to these networks, as one dockerd tells them. */
export async function attachments(host: Host, networks: readonly string[]): Promise<Attachment[]> {
  const ids = (await host.docker(['ps', '-q'])).stdout.split('\n').filter(Boolean)
  if (ids.length === 0) return []
  const inspected = JSON.parse((await host.docker(['inspect', ...ids])).stdout) as Inspected[]
  return inspected
    .filter((one) => one.State.Running)
    .flatMap((one) =>
      Object.entries(one.NetworkSettings.Networks)
        .filter(([network, { EndpointID }]) => networks.includes(network) && EndpointID !== '')
        .map(([network, { EndpointID, IPAddress, MacAddress }]) => ({
          host,
          network,
          name: one.Name.replace(/^\//, ''),
          endpoint: EndpointID,
          ip: IPAddress,
          mac: MacAddress,
        })),
    )
}

export interface Comparison {
  /** attachments of running containers that were compared */
  readonly attachments: number
  /** every disagreement, in words; empty when all agree */
  readonly found: readonly string[]
}

/**
 * Compares the hosts that are powered on.
 * @param networks that every host has, if one has them
 * @param vtepOf where a host is reached
 */
export async function compareAll(
  lab: Lab,
  networks: readonly string[] = NETWORKS,
  vtepOf: (host: Host) => string = (host) => host.address,
): Promise<Comparison> {
  const hosts = lab.hosts.filter((host) => host.isOn())
  const all = (await Promise.all(hosts.map((host) => attachments(host, networks)))).flat()
  const had = await Promise.all(hosts.map((host) => networksOf(host, networks)))
  const pairs = hosts.flatMap((host, at) => (had[at] ?? []).map((network) => ({ host, network })))
  const kernels = await Promise.all(
    pairs.map(({ host, network }) => kernelAgainst(host, network, all, vtepOf)),
  )
  const names = await Promise.all(hosts.map((host) => namesAgainst(host, networks, all)))
  return {
    attachments: all.length,
    found: [
      ...unlike(hosts, had),
      ...twice(all),
      ...(await storeAgainst(lab, all)),
      ...kernels.flat(),
      ...names.flat(),
    ],
  }
}

async function networksOf(host: Host, networks: readonly string[]): Promise<string[]> {
  const { stdout } = await host.docker(['network', 'ls', '--format', '{{.Name}}'])
  const names = stdout.split('\n')
  return networks.filter((network) => names.includes(network))
}

/** Network sync is on: all hosts have the same networks. */
function unlike(hosts: readonly Host[], had: readonly (readonly string[])[]): string[] {
  return hosts.flatMap((host, at) => {
    const [first, here] = [had[0]?.join(' '), had[at]?.join(' ')]
    return here === first
      ? []
      : [`${host.name} has the networks ${here}, ${hosts[0]?.name} has ${first}`]
  })
}

function twice(all: readonly Attachment[]): string[] {
  const seen = new Map<string, Attachment>()
  return all.flatMap((one) => {
    const key = `${one.network} ${one.ip}`
    const other = seen.get(key)
    seen.set(key, one)
    return other === undefined ? [] : [`${key} is held twice: ${other.host.name}, ${one.host.name}`]
  })
}

async function storeAgainst(lab: Lab, all: readonly Attachment[]): Promise<string[]> {
  const stored = (await storeKeys(lab, 'endpoints/')).map((key) =>
    key.slice(key.lastIndexOf('/') + 1),
  )
  return compare(
    'store: endpoints',
    stored,
    all.map(({ endpoint }) => endpoint),
  )
}

/** What a host knows of the networks that it has containers in. */
async function namesAgainst(
  host: Host,
  networks: readonly string[],
  all: readonly Attachment[],
): Promise<string[]> {
  const { stdout } = await host.sh(['/run/tsoverlay/cli', 'dns', 'ls', '--json'], { check: false })
  if (stdout === '') return [`${host.name}: names: no answer`]
  const used = networks.filter((name) =>
    all.some((one) => one.host === host && one.network === name),
  )
  const known = (JSON.parse(stdout) as NameReport[]).flatMap(({ name, network, sources }) =>
    sources.flatMap((source) =>
      source.kind === 'container' && source.container === name
        ? [{ name, network, ip: source.addresses.join() }]
        : [],
    ),
  )
  const text = ({ name, network, ip }: { name: string; network: string; ip: string }): string =>
    `${name}.${network} ${ip}`
  return compare(
    `${host.name}: names`,
    known.filter(({ network }) => used.includes(network)).map(text),
    all.filter(({ network }) => used.includes(network)).map(text),
  )
}

async function kernelAgainst(
  host: Host,
  network: string,
  all: readonly Attachment[],
  vtepOf: (host: Host) => string,
): Promise<string[]> {
  const sandbox = await sandboxOf(host, network)
  const here = all.filter((one) => one.network === network && one.host === host)
  const there = all.filter((one) => one.network === network && one.host !== host)
  const live = (await host.sh(['ls', '/run/docker/netns'], { check: false })).stdout.includes(
    sandbox,
  )
  const what = `${host.name}: ${network}`
  if (here.length === 0) return live ? [`${what}: a sandbox without an endpoint`] : []
  if (!live) return [`${what}: no sandbox`]
  const pairs = (map: ReadonlyMap<string, string>): string[] =>
    [...map].map((pair) => pair.join(' '))
  return [
    ...compare(
      `${what}: ports`,
      await ports(host, sandbox),
      here.map(({ endpoint }) => `veth${endpoint.slice(0, 7)}`),
    ),
    ...compare(
      `${what}: neighbours`,
      pairs(await neighbours(host, sandbox)),
      there.map(({ ip, mac }) => `${ip} ${mac}`),
    ),
    ...compare(
      `${what}: FDB`,
      pairs(await fdb(host, sandbox)),
      there.map((one) => `${one.mac} ${vtepOf(one.host)}`),
    ),
  ]
}

function compare(what: string, has: readonly string[], wants: readonly string[]): string[] {
  const surplus = has.filter((one) => !wants.includes(one))
  const missing = wants.filter((one) => !has.includes(one))
  return [
    ...surplus.map((one) => `${what}: ${one} should not be there`),
    ...missing.map((one) => `${what}: ${one} is missing`),
  ]
}
