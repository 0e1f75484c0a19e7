import type { Lab } from '../lab/lab.js'
import { formSwarm } from '../lab/swarm.js'

const NETWORK = 'native'

/**
 * Docker's own overlay beside ours: the same hosts form a swarm. The plugin stays in scope local,
 * and both use UDP port 4789 with VNIs of their own ranges.
 * @returns the name of an attachable network
 */
export async function nativeOverlay(lab: Lab): Promise<string> {
  await formSwarm(lab)
  const flags = ['-d', 'overlay', '--attachable', '--subnet', '10.90.0.0/16']
  await lab.host(1).docker(['network', 'create', ...flags, NETWORK])
  return NETWORK
}
