/** One network as each dockerd shows it, where network sync is on. */
import type { Host } from '../lab/host.js'
import { askAdmin } from '../lab/plugin-call.js'
import { eventually } from './traces.js'

/** What `docker network inspect` says; undefined when there is none. */
export async function inspect(
  host: Host,
  name: string,
): Promise<Record<string, unknown> | undefined> {
  const { code, stdout } = await host.docker(['network', 'inspect', name], { check: false })
  return code === 0 ? (JSON.parse(stdout) as Record<string, unknown>[])[0] : undefined
}

/** The same on every host: all but the id, when it was made, and how network sync asked our IPAM. */
export async function common(host: Host, name: string): Promise<unknown> {
  const { Id: _id, Created: _created, IPAM, ...rest } = (await inspect(host, name)) ?? {}
  const { Options, ...ipam } = (IPAM ?? {}) as { Options?: Record<string, string> }
  const { sync: _sync, ...options } = Options ?? {}
  return { ...rest, IPAM: { ...ipam, Options: options } }
}

/** undefined when there is none */
export async function idOf(host: Host, name: string): Promise<unknown> {
  return (await inspect(host, name))?.['Id']
}

/** @returns on how many of the hosts the network is, when it is on all of them or after `withinMs` */
export function appearsOn(
  hosts: readonly Host[],
  name: string,
  withinMs?: number,
): Promise<number> {
  return eventually(
    () => countOf(hosts, name),
    (count) => count === hosts.length,
    withinMs,
  )
}

/** @returns on how many of the hosts the network is left, when it is on none or after 10 s */
export function goesFrom(hosts: readonly Host[], name: string): Promise<number> {
  return eventually(
    () => countOf(hosts, name),
    (count) => count === 0,
  )
}

/** On how many of the hosts the network is. */
export async function countOf(hosts: readonly Host[], name: string): Promise<number> {
  const found = await Promise.all(hosts.map((host) => inspect(host, name)))
  return found.filter((one) => one !== undefined).length
}

/** What network sync says in a host's /status, as JSON. */
export async function problems(host: Host): Promise<string> {
  return JSON.stringify((await askAdmin(host, '/status')).body['sync'])
}
