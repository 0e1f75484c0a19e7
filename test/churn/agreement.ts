/** Whether dockerds, kernels and store say the same. */
import type { NameReport } from '../../src/core/admin/names.js'
import { storeKeys } from '../e2e/traces.js'
import type { Host } from '../lab/host.js'
import type { Lab } from '../lab/lab.js'
import { type Attachment, attachments } from './attachments.js'
import { compare } from './compare.js'
import { hostKernel } from './host-kernel.js'
import { overlayAgainst } from './kernel-overlay.js'
import { macsAgainst, routedAgainst } from './kernel-routed.js'
import { NETWORKS } from './operations.js'
import {
  type DockerNetwork,
  dockerNetworks,
  isRouted,
  ownersOf,
  routedNetworks,
} from './routed-networks.js'

export interface Comparison {
  /** attachments of running containers that were compared */
  readonly attachments: number
  /** every disagreement, in words; empty when all agree */
  readonly found: readonly string[]
}

/**
 * Compares the hosts that are powered on.
 * @param networks that every host has, if one has them; all that are routed are among them
 * @param vtepOf where a host is reached
 */
export async function compareAll(
  lab: Lab,
  networks: readonly string[] = NETWORKS,
  vtepOf: (host: Host) => string = (host) => host.address,
): Promise<Comparison> {
  const hosts = lab.hosts.filter((host) => host.isOn())
  const all = (await Promise.all(hosts.map((host) => attachments(host, networks)))).flat()
  const known = await Promise.all(hosts.map((host) => dockerNetworks(host, networks)))
  const had = known.map((list) => list.map(({ Name }) => Name))
  const overlays = hosts.flatMap((host, at) =>
    (known[at] ?? []).filter((one) => !isRouted(one)).map(({ Name }) => ({ host, name: Name })),
  )
  const kernels = await Promise.all(
    overlays.map(({ host, name }) => overlayAgainst(host, name, all, vtepOf)),
  )
  const names = await Promise.all(hosts.map((host) => namesAgainst(host, networks, all)))
  return {
    attachments: all.length,
    found: [
      ...unlike(hosts, had),
      ...twice(all),
      ...(await storeAgainst(lab, all)),
      ...kernels.flat(),
      ...(await hostsAgainst(lab, known.flat(), all, vtepOf)),
      ...names.flat(),
    ],
  }
}

/** The hosts' own namespaces, in which routed networks are. */
async function hostsAgainst(
  lab: Lab,
  known: readonly DockerNetwork[],
  all: readonly Attachment[],
  vtepOf: (host: Host) => string,
): Promise<string[]> {
  const hosts = lab.hosts.filter((host) => host.isOn())
  const owners = await ownersOf(lab, vtepOf)
  const distinct = [...new Map(known.map((one) => [one.Name, one])).values()]
  const networks = await routedNetworks(lab, distinct, owners)
  const kernels = await Promise.all(hosts.map(hostKernel))
  const byVtep = new Map(kernels.map((kernel, at) => [vtepOf(hosts[at] as Host), kernel]))
  return kernels.flatMap((kernel, at) => {
    const host = hosts[at] as Host
    return [
      ...routedAgainst(host, networks, all, [...owners.values()], kernel),
      ...macsAgainst(host, kernel, byVtep),
    ]
  })
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
