/** What nobody wants any more: sandboxes of ours here, and records of hosts that are gone. */
import type { HostReport } from '../../../core/admin/hosts.js'
import type { Dataplane } from '../../../core/ports.js'
import type { Journal } from '../../../state/journal.js'
import { homeOf } from '../../passes/places.js'
import { type Check, type Found, orOk, warning } from '../check.js'

export interface LeftoversParts {
  readonly dataplane: Pick<Dataplane, 'list'>
  readonly journal: Pick<Journal, 'bindings'>
}

export function leftoversCheck({ dataplane, journal }: LeftoversParts): Check {
  return {
    name: 'leftovers',
    look: async () => {
      const wanted = new Set([...journal.bindings.values()].map(homeOf))
      return judgeSandboxes((await dataplane.list()).filter((name) => !wanted.has(name)))
    },
  }
}

/** @param unwanted files of sandboxes of our making whose network this host has not */
export function judgeSandboxes(unwanted: readonly string[]): readonly Found[] {
  const found = unwanted.map((name) =>
    warning(
      `sandbox ${name}`,
      'it is of a network that this host has no more',
      `umount /run/docker/netns/${name} && rm /run/docker/netns/${name}`,
    ),
  )
  return orOk(found, 'nothing of a former network is left')
}

/** @param hosts of the cluster, as GET /hosts has them */
export function judgeRecords(hosts: readonly HostReport[]): readonly Found[] {
  const found = hosts
    .filter(({ name }) => name === '')
    .map(({ id, networks, endpoints, blocks }) =>
      warning(
        `host ${id}`,
        `the store has ${networks} networks, ${endpoints} endpoints and ${blocks} blocks of a host that it has no record of`,
        `tsoverlay host rm ${id}`,
      ),
    )
  return orOk(found, 'the store has nothing of hosts that are gone')
}
