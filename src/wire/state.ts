import { join } from 'node:path'
import { TakenVnis } from '../control/networks/taken-vnis.js'
import {
  choreHandlers,
  isRouted,
  usageOf,
  usedAddresses,
  type VtepSource,
} from '../control/records/chores.js'
import { letGo } from '../control/records/recovery.js'
import { Problems } from '../control/troubles/problems.js'
import type { AddressBook } from '../ipam/address-book.js'
import { AddressPlan } from '../ipam/address-plan.js'
import { BlockBook } from '../ipam/block-book.js'
import { PoolTurns } from '../ipam/pool-turns.js'
import { Epoch } from '../state/epoch.js'
import { Journal } from '../state/journal.js'
import { SWARM } from '../state/keys.js'
import { NetworkRepository } from '../state/network-repository.js'
import { Outbox } from '../state/outbox.js'
import { Publications } from '../state/publications.js'
import type { WireOptions } from './options.js'

export type State = ReturnType<typeof wireState>

/** What this host knows and owes; the outbox publishes the underlay, which comes later. */
export function wireState(options: WireOptions) {
  const { config, paths, dataplane, logger } = options
  const { identity, store } = options.identified
  const journal = new Journal(join(paths.data, 'journal'), logger, join(paths.run, 'journal'))
  letGo({ journal, identity, logger, dataDir: paths.data })
  const { epoch, blocks } = wireBlocks(options, journal)
  // Swarm's leader changes hosts: there no host may decide alone.
  const book: AddressBook = config.scope === 'global' ? new AddressPlan(store, identity.id) : blocks
  const problems = new Problems(logger)
  const takenVnis = new TakenVnis({ dataplane, port: config.vxlanPort, logger })
  const avoid = () => takenVnis.numbers()
  const repository = new NetworkRepository(store, identity.id, avoid)
  const swarm = {
    plan: new AddressPlan(store, SWARM),
    repository: new NetworkRepository(store, SWARM, avoid),
  }
  const publications = new Publications(store, identity)
  const turns = new PoolTurns()
  const vtep: VtepSource = { current: undefined }
  const owned = { store, book, blocks, repository, publications, swarm, journal, identity, vtep }
  const handlers = choreHandlers({ ...owned, logger })
  const outbox = new Outbox({ shelf: journal.chores, handlers, logger })
  const cluster = { repository, publications, swarm, takenVnis, epoch, turns }
  return { store, identity, journal, blocks, book, outbox, vtep, problems, ...cluster }
}

/** Blocks of addresses, and what the store has been through, on which their claims wait. */
function wireBlocks(options: WireOptions, journal: Journal) {
  const { paths, logger, times = {} } = options
  const { identity, store } = options.identified
  const now = (): number => performance.now()
  const file = join(paths.data, 'store-seen.json')
  const epoch = new Epoch({ store: options.store, file, logger, now, ...times })
  const settled = { beforeClaim: (signal?: AbortSignal) => epoch.settled(signal) }
  const blocks = new BlockBook({
    ...(times.graceMs === 0 ? {} : settled),
    store,
    host: identity.id,
    boot: identity.boot,
    shelf: journal.blocks,
    loans: journal.loans,
    used: (ref) => usedAddresses(journal, ref),
    usage: (ref) => usageOf(journal, ref),
    routed: (ref) => isRouted(journal, ref),
    logger,
    now,
  })
  return { epoch, blocks }
}
