import type { Cluster } from '../model/cluster.js'
import type { Pair } from '../model/pair.js'
export function Trace(_: { cluster: Cluster; pair: Pair; setPair: (pair: Pair) => void }) { return null }
