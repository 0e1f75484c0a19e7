/** What a container of a routed network is told at Join: pure. */
import type { StaticRoute } from '../../core/driver.js'
import { familyOf, type Ip, rangeOfOne } from '../../core/ip.js'
import { poolsOf } from '../../core/pools.js'
import type { Attachment } from '../../core/ports.js'
import type { LocalEndpoint, NetworkView } from '../../core/types.js'
import { optionOf } from '../options.js'
import { gatewayOf, isLent } from './gateways.js'
import { GATEWAY } from './options.js'

/**
 * The network is behind the gateway; with `gateway=bridge` so is all else. A lent address is alone on
 * its link (/32, /128): there its gateway needs a route of its own, which dockerd sets before those
 * that lead through it (moby daemon/libnetwork/osl AddInterface, then AddStaticRoute).
 */
export function attach(view: NetworkView, endpoint: LocalEndpoint): Attachment {
  const { network } = view
  const isOnly = optionOf(network, GATEWAY) === 'bridge'
  const gateways: Ip[] = []
  const routes: StaticRoute[] = []
  for (const address of endpoint.addresses) {
    const gateway = gatewayOf(address, view)
    if (gateway === undefined) continue
    if (isLent(address, view.blocks)) routes.push({ destination: rangeOfOne(gateway) })
    const pools = poolsOf(network).filter((pool) => familyOf(pool) === familyOf(address))
    if (isOnly && !network.internal) gateways.push(gateway)
    else routes.push(...pools.map((destination) => ({ destination, nextHop: gateway })))
  }
  return isOnly ? { routes, gateways } : { routes }
}
