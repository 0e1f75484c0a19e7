/** Records of the store that contradict each other: addresses, hosts, ranges. Pure. */
import { type Cidr, ipOf, overlaps } from '../../../core/ip.js'
import { poolsOf } from '../../../core/pools.js'
import type { Endpoint, Host, Network } from '../../../core/types.js'
import type { RangesDocument } from '../../../state/documents.js'
import { type Found, failed, orOk } from '../check.js'

export interface Records {
  readonly hosts: readonly Host[]
  readonly networks: readonly Network[]
  readonly endpoints: readonly Endpoint[]
  readonly ranges: readonly RangesDocument[]
  /** what people call a network, by its key */
  readonly nameOf: (network: string) => string
}

/** Two containers of a network with one address. */
export function judgeAddresses({ hosts, endpoints, nameOf }: Records): readonly Found[] {
  const names = new Map(hosts.map(({ id, name }) => [id, name]))
  const holders = new Map<string, Endpoint[]>()
  for (const endpoint of endpoints) {
    for (const address of endpoint.addresses) {
      const key = `${endpoint.network} ${ipOf(address)}`
      const known = holders.get(key)
      if (known === undefined) holders.set(key, [endpoint])
      else known.push(endpoint)
    }
  }
  const found = [...holders]
    .filter(([, all]) => all.length > 1)
    .map(([key, all]) => {
      const [network = '', ip = ''] = key.split(' ')
      const who = all.map((each) => `${titleOf(each)} on ${names.get(each.host) ?? each.host}`)
      return failed(
        `${ip} in ${nameOf(network)}`,
        `several containers have this address: ${who.join(', ')}`,
        `docker rm -f ${all.at(-1) === undefined ? '' : titleOf(all.at(-1) as Endpoint)} on ${names.get(all.at(-1)?.host ?? '') ?? ''}, or give it another address`,
      )
    })
  return orOk(found, 'no address is of two containers')
}

function titleOf({ names, id }: Endpoint): string {
  return names?.[0] ?? id.slice(0, 12)
}

/** Two hosts at one underlay address: a copy of a machine, or a record of one that is gone. */
export function judgeTwins({ hosts }: Records): readonly Found[] {
  const byVtep = new Map<string, Host[]>()
  for (const host of hosts) byVtep.set(host.vtep, [...(byVtep.get(host.vtep) ?? []), host])
  const found = [...byVtep]
    .filter(([, all]) => all.length > 1)
    .map(([vtep, all]) =>
      failed(
        `hosts ${all.map(({ name }) => name).join(', ')}`,
        `they have one underlay address, ${vtep}: containers of one of them are not reached`,
        `give one of them another address (setting ADVERTISE), or, if one is gone, tsoverlay host rm with its id: ${all.map(({ id }) => id).join(' or ')}`,
      ),
    )
  return orOk(found, 'each host has an underlay address of its own')
}

/** A subnet over a route of a host: its containers do not reach what is there, or are not reached. */
export function judgeRanges({ networks, ranges, hosts, nameOf }: Records): readonly Found[] {
  const found = networks.flatMap((network) =>
    poolsOf(network).flatMap((pool) => [
      ...ranges.flatMap(({ name, ranges: own }) =>
        own
          .filter(({ kind, range }) => kind !== 'network' && overlaps(range, pool))
          .map(({ range, what }) =>
            overlap(nameOf(network.key), pool, `${what} ${range} of host ${name}`),
          ),
      ),
      ...hosts
        .filter(({ vtep }) => overlaps(pool, `${vtep}/${vtep.includes(':') ? 128 : 32}` as Cidr))
        .map(({ name, vtep }) =>
          overlap(nameOf(network.key), pool, `the underlay address ${vtep} of host ${name}`),
        ),
    ]),
  )
  return orOk(found, 'no subnet overlaps a route of a host')
}

function overlap(network: string, pool: Cidr, what: string): Found {
  return failed(
    `network ${network}`,
    `its subnet ${pool} overlaps ${what}: one of the two is not reached from there`,
    `remove that route (ip route del), or make the network anew with another subnet: docker network rm ${network}; docker network create --subnet …`,
  )
}
