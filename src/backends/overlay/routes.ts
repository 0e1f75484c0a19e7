/** What a container needs to reach the other subnets of its network: pure. */
import type { StaticRoute } from '../../core/driver.js'
import { contains, familyOf, ipOf } from '../../core/ip.js'
import type { LocalEndpoint, Network, Subnet } from '../../core/types.js'

/**
 * Routes to the network's other subnets. Those of the endpoint's own segment are on its link, those
 * of others are reached by the gateway, which is the sandbox of this host.
 */
export function routesTo(network: Network, endpoint: LocalEndpoint): StaticRoute[] {
  return endpoint.addresses.flatMap((address) => {
    const holds = ({ pool }: Subnet): boolean => contains(pool, ipOf(address))
    const near = network.segments.find(({ subnets }) => subnets.some(holds))?.subnets ?? []
    const own = near.find(holds)
    const others = network.segments
      .flatMap(({ subnets }) => subnets)
      .filter((one) => one !== own && familyOf(one.pool) === familyOf(address))
    return others.flatMap((one): StaticRoute[] => {
      if (near.includes(one)) return [{ destination: one.pool }]
      if (own?.gateway === undefined) return []
      return [{ destination: one.pool, nextHop: ipOf(own.gateway) }]
    })
  })
}
