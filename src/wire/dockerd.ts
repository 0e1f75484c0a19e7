import { Names } from '../control/names/names.js'
import type { Peers } from '../control/peers/peers.js'
import { ClusterRanges } from '../control/ranges/cluster-ranges.js'
import { OwnRanges } from '../control/ranges/own-ranges.js'
import { NetworkSync } from '../control/sync/network-sync.js'
import { TroubleBoard } from '../control/troubles/trouble-board.js'
import type { WireOptions } from './options.js'
import type { State } from './state.js'

/** What asks dockerd and tells the cluster of it. */
export function wireDockerd(options: WireOptions, state: State, peers: Peers) {
  const { config, store, dataplane, docker, serve, logger } = options
  // In a swarm, swarm itself brings every network to every node.
  const isSynced = config.networkSync && config.scope === 'local'
  const board = new TroubleBoard({ ...state, logger })
  const ranges = new OwnRanges({
    ...state,
    docker,
    dataplane,
    logger,
    isSynced,
    onProblems: (found) => {
      state.problems.report('ranges', found)
      board.tell('ranges', found)
    },
  })
  const clusterRanges = new ClusterRanges({ store, self: state.identity.id, own: ranges })
  const parts = {
    ...state,
    store,
    docker,
    dataplane,
    logger,
    onListed: ranges.dockerListed.bind(ranges),
    onProblems: (found: ReadonlyMap<string, string>) => board.tell('sync', found),
  }
  const sync = isSynced ? new NetworkSync(parts) : undefined
  const names = new Names({ ...state, docker, peers, dataplane, logger, serve })
  return { board, ranges, clusterRanges, sync, names }
}
