/**
 * What a starting plugin does with what a former run left in the journal, before it takes calls:
 * endpoints of an earlier boot are dead, pools of networks that are gone are given back, and the
 * rest is adopted. Kernel and store follow from that by the ordinary passes.
 */
import type { Logger } from '../../core/ports.js'
import { GLOBAL_ADDRESS_SPACE } from '../../ipam/address-space.js'
import { poolSubject } from '../../ipam/subjects.js'
import type { PoolHold } from '../../state/documents.js'
import { forgetGivenUp, givenUp, type Identity } from '../../state/identity.js'
import { blockId, type Journal, loanId } from '../../state/journal.js'
import type { Outbox } from '../../state/outbox.js'
import { chores } from './chores.js'
import { foreignReleases } from './foreign-addresses.js'

/** Only the journal is changed here; what the store has to learn is owed in the outbox. */
export function recoverJournal(parts: {
  journal: Journal
  outbox: Outbox
  identity: Identity
  scope: 'local' | 'global'
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
  for (const hold of [...journal.pools.values()]) if (!isKept(hold, parts)) dropPool(hold, parts)
}

type PoolParts = Pick<Parameters<typeof recoverJournal>[0], 'journal' | 'outbox' | 'scope'>

function isKept({ id, boundTo }: PoolHold, { journal, scope }: PoolParts): boolean {
  if (boundTo !== undefined && journal.bindings.get(boundTo) !== undefined) return true
  // Another driver's network may have it (`-d bridge --ipam-driver tsoverlay`): that dockerd alone
  // knows, and sweeps/docker-sweep.ts asks it.
  if (boundTo === undefined && scope === 'local') return true
  // What swarm's leader got for all nodes is never bound to a network of this daemon.
  return id.startsWith(`${GLOBAL_ADDRESS_SPACE}|`)
}

function dropPool(hold: PoolHold, { journal, outbox }: PoolParts): void {
  journal.pools.delete(hold.id)
  const { space, pool } = hold
  void outbox.submit({ kind: 'drop-pool', subject: poolSubject(hold), args: { space, pool } })
}

/**
 * After an id was given up: the journal is a copy of another machine's. Its blocks, what it borrowed and
 * owes, and endpoints that ran there are not this host's. What dockerd has stays: its networks, and
 * containers that run here.
 */
export function letGo(parts: {
  readonly journal: Journal
  readonly identity: Identity
  readonly logger: Logger
  readonly dataDir: string
}): void {
  const { journal, identity, logger, dataDir } = parts
  const former = givenUp(dataDir)
  if (former === undefined) return
  const { blocks, loans, chores: owed, endpoints } = journal
  for (const hold of [...blocks.values()]) blocks.delete(blockId(hold))
  for (const loan of [...loans.values()]) loans.delete(loanId(loan))
  for (const chore of [...owed.values()]) owed.delete(chore.id)
  for (const endpoint of [...endpoints.values()])
    if (endpoint.boot !== identity.boot) endpoints.delete(endpoint.id)
  forgetGivenUp(dataDir)
  logger.warn({ host: identity.id, former }, 'this host has an id of its own now')
}
