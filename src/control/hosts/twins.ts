/** Hosts of the cluster that say to be where this one is, or who it is. */
import type { Ip } from '../../core/ip.js'
import type { Host } from '../../core/types.js'
import type { Identity } from '../../state/identity.js'
import type { Problems } from '../troubles/problems.js'

/** How long an overwritten record is told of after it was put right. */
const TOLD_MS = 600_000

/** For people: what is wrong, by the other host's name. */
export function twinsOf(
  self: Host['id'],
  vtep: Ip | undefined,
  hosts: readonly Host[],
): ReadonlyMap<string, string> {
  const twins = hosts.filter((host) => host.id !== self && host.vtep === vtep)
  return new Map(
    twins.map(({ id, name }) => [
      `host ${name}`,
      `it has the underlay address ${vtep}, as this host: give one of the two another (setting ADVERTISE), or, if that host is gone, tsoverlay host rm ${id}`,
    ]),
  )
}

export interface TwinsParts {
  readonly identity: Identity
  readonly vtep: { readonly current: Ip | undefined }
  readonly problems: Problems
  /** Writes this host's record again. */
  readonly publish: () => void
}

/** Looks at the hosts of the cluster whenever they change. */
export class Twins {
  readonly #parts: TwinsParts
  /** the store has had this process' record, so another one came later */
  #wasPublished = false
  #timer: NodeJS.Timeout | undefined

  constructor(parts: TwinsParts) {
    this.#parts = parts
  }

  /** @param hosts of the cluster, this one too */
  look(hosts: readonly Host[]): void {
    const { identity, vtep, problems, publish } = this.#parts
    problems.report('hosts', twinsOf(identity.id, vtep.current, hosts))
    const record = hosts.find(({ id }) => id === identity.id)
    if (record?.boot === identity.boot) this.#wasPublished = true
    else if (record !== undefined && this.#wasPublished) {
      this.#wasPublished = false
      problems.report('identity', new Map([[`host ${identity.name}`, overwritten(record)]]))
      clearTimeout(this.#timer)
      this.#timer = setTimeout(() => problems.report('identity', new Map()), TOLD_MS).unref()
      publish()
    }
  }

  close(): void {
    clearTimeout(this.#timer)
  }
}

function overwritten({ id, name, vtep }: Host): string {
  return `its record in the store was overwritten by ${name} at ${vtep} and is put right: either the store is a backup, or a copy of this host's disk runs there; remove /var/lib/docker/plugins there, or upgrade its plugin, which gives it an id of its own (id ${id})`
}
