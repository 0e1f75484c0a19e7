/** Names of what is there, as the plugin knows it. */
import type { HostReport } from '../../core/admin/hosts.js'
import type { NameReport } from '../../core/admin/names.js'
import type { NetworkReport } from '../../core/admin/networks.js'
import type { PoolReport } from '../../core/admin/pools.js'
import type { AdminClient } from '../client.js'
import type { Candidate } from './wanted.js'

type Look = (client: AdminClient) => Promise<readonly Candidate[]>

const hosts: Look = async (client) =>
  (await client.get<readonly HostReport[]>('/hosts')).map(({ id, name, vtep }) => ({
    value: name || id,
    note: `host ${vtep}`,
  }))

const networks: Look = async (client) =>
  (await client.get<readonly NetworkReport[]>('/networks')).map(({ name, identity, subnets }) => ({
    value: name || identity,
    note: `network ${subnets.join(' ')}`,
  }))

const pools: Look = async (client) =>
  (await client.get<readonly PoolReport[]>('/pools')).map(({ pool, networks: names }) => ({
    value: pool,
    note: `pool of ${names.join(', ')}`,
  }))

const names: Look = async (client) =>
  (await client.get<readonly NameReport[]>('/names')).map(({ name, network }) => ({
    value: name,
    note: `name ${network === '' ? '' : `in ${network}`}`.trim(),
  }))

const containers: Look = async (client) =>
  (await client.get<readonly NameReport[]>('/names')).flatMap(({ sources }) =>
    sources.flatMap((source) =>
      source.kind === 'container'
        ? [{ value: source.container, note: `container on ${source.hostName}` }]
        : [],
    ),
  )

/** By what an argument or the value of an option is called in the help. */
const KINDS: Readonly<Record<string, readonly Look[]>> = {
  host: [hosts],
  network: [networks],
  pool: [pools, networks],
  container: [containers],
  name: [names],
  what: [containers, networks],
  src: [containers],
  dst: [containers],
}

/** A shell would take anything else apart, or run it. */
const PLAIN = /^[\w.:/@%+,~-]+$/

/** Never fails: what cannot be asked has no names. */
export async function namesOf(kind: string, client: AdminClient): Promise<readonly Candidate[]> {
  const looks = (KINDS[kind] ?? []).map((look) => look(client).catch(() => []))
  const found = (await Promise.all(looks)).flat().filter(({ value }) => PLAIN.test(value))
  return [...new Map(found.map((each) => [each.value, each])).values()]
}
