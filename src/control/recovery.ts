/**
 * What a starting plugin does with what a former run left in the journal, before it takes calls:
 * endpoints of an earlier boot are dead, pools that no network was made for are given back, and the
 * rest is adopted. Kernel and store follow from that by the ordinary passes.
 */
import type { Logger } from '../core/ports.js'
import { GLOBAL_ADDRESS_SPACE } from '../ipam/address-space.js'
import { poolSubject } from '../ipam/subjects.js'
import type { Identity } from '../state/identity.js'
import type { Journal } from '../state/journal.js'
import type { Outbox } from '../state/outbox.js'
import { chores } from './chores.js'
import { foreignReleases } from './foreign-addresses.js'

/** Only the journal is changed here; what the store has to learn is owed in the outbox. */
export function recoverJournal(parts: {
  journal: Journal
  outbox: Outbox
  identity: Identity
  logger: Logger
}): void {
  const { journal, outbox, identity, logger } = parts
  for (const endpoint of [...journal.endpoints.values()]) {
    if (endpoint.boot !== identity.boot) {
      journal.endpoints.delete(endpoint.id)
      logger.info(
        { endpoint: endpoint.id.slice(0, 12), network: endpoint.dockerNetwork.slice(0, 12) },
        'endpoint of an earlier boot dropped',
      )
      const binding = journal.bindings.get(endpoint.dockerNetwork)
      for (const { chore } of foreignReleases(binding, endpoint.addresses)) {
        void outbox.submit(chore)
      }
    }
    // Published again, too: the store may be another or an older one than the last time.
    void outbox.submit(chores.publishEndpoint(endpoint))
  }
  for (const hold of [...journal.pools.values()]) {
    if (hold.boundTo !== undefined && journal.bindings.get(hold.boundTo) !== undefined) continue
    // What swarm's leader got for all nodes is never bound to a network of this daemon.
    if (hold.id.startsWith(`${GLOBAL_ADDRESS_SPACE}|`)) continue
    journal.pools.delete(hold.id)
    void outbox.submit({
      kind: 'drop-pool',
      subject: poolSubject(hold),
      args: { space: hold.space, pool: hold.pool },
    })
  }
}
