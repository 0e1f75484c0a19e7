/**
 * What this host must remember by itself: dockerd never repeats CreateNetwork for a network that
 * it has stored (reference: moby daemon/libnetwork/controller.go New), and etcd may be away when
 * a container starts.
 *
 * It lives in the plugin's own folder, which `docker plugin rm` takes away. So a copy stands in the
 * host's /run: a plugin that is put in the place of another, containers running, takes that up.
 */
import { cpSync, existsSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Logger } from '../core/ports.js'
import type { DockerNetworkId, LocalEndpoint, NetworkKey } from '../core/types.js'
import {
  type Binding,
  type BlockHold,
  type ChoreDocument,
  documents,
  type Loan,
  type Move,
  type PoolHold,
} from './documents.js'
import { Shelf } from './shelf.js'

export class Journal {
  readonly bindings: Shelf<Binding>
  readonly endpoints: Shelf<LocalEndpoint>
  readonly pools: Shelf<PoolHold>
  readonly blocks: Shelf<BlockHold>
  readonly loans: Shelf<Loan>
  readonly moves: Shelf<Move>
  readonly chores: Shelf<ChoreDocument>

  /**
   * @param dir kept over restarts and reboots
   * @param copyDir on the host's tmpfs, kept over a reinstall; a reboot ends the containers, too
   */
  constructor(dir: string, logger: Logger, copyDir?: string) {
    if (copyDir !== undefined && !existsSync(dir) && existsSync(copyDir)) takeUp(copyDir, dir)
    const file = (kind: string) => {
      const name = `${kind}.jsonl`
      const copy = copyDir === undefined ? {} : { copyPath: join(copyDir, name) }
      return { path: join(dir, name), ...copy, logger }
    }
    // dockerd remembers its networks over a power loss and never tells of them again.
    this.bindings = new Shelf<Binding>({
      ...file('networks'),
      codec: documents.binding,
      idOf: (binding) => binding.dockerNetwork,
      durable: true,
    })
    this.pools = new Shelf<PoolHold>({
      ...file('pools'),
      codec: documents.poolHold,
      idOf: (hold) => hold.id,
      durable: true,
    })
    this.endpoints = new Shelf<LocalEndpoint>({
      ...file('endpoints'),
      codec: documents.localEndpoint,
      idOf: (endpoint) => endpoint.id,
    })
    this.blocks = new Shelf<BlockHold>({
      ...file('blocks'),
      codec: documents.blockHold,
      idOf: blockId,
    })
    // One that went back before a power loss must not be taken for this host's after it.
    this.loans = new Shelf<Loan>({
      ...file('loans'),
      codec: documents.loan,
      idOf: loanId,
      durable: true,
    })
    // A container whose disconnection dockerd has stored is on no network until it is put back.
    this.moves = new Shelf<Move>({
      ...file('moves'),
      codec: documents.move,
      idOf: moveId,
      durable: true,
    })
    this.chores = new Shelf<ChoreDocument>({
      ...file('chores'),
      codec: documents.chore,
      idOf: (chore) => chore.id,
    })
  }

  bindingOf(key: NetworkKey): Binding | undefined {
    for (const binding of this.bindings.values()) if (binding.network.key === key) return binding
    return undefined
  }

  endpointsOf(network: DockerNetworkId): readonly LocalEndpoint[] {
    const found: LocalEndpoint[] = []
    for (const endpoint of this.endpoints.values()) {
      if (endpoint.dockerNetwork === network) found.push(endpoint)
    }
    return found
  }
}

/** All or nothing: a crash in between must not leave half a journal. */
function takeUp(copyDir: string, dir: string): void {
  const unfinished = `${dir}.new`
  rmSync(unfinished, { recursive: true, force: true })
  cpSync(copyDir, unfinished, { recursive: true })
  renameSync(unfinished, dir)
}

/** The id of a borrowed address in the journal. */
export function loanId({ space, pool, ip }: Loan): string {
  return `${space}|${pool}|${ip}`
}

/** The id of a move in the journal. */
export function moveId({ network, container }: Move): string {
  return `${container} ${network}`
}

/** The id of a block in the journal. */
export function blockId(hold: Pick<BlockHold, 'space' | 'pool' | 'block'>): string {
  return `${hold.space}|${hold.pool}|${hold.block}`
}
