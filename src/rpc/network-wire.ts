/** NetworkDriver bodies to core's requests and back. Translates; decides nothing. */
import type {
  AllocateNetworkRequest,
  CreatedEndpoint,
  CreateEndpointRequest,
  CreateNetworkRequest,
  JoinedEndpoint,
  PoolData,
} from '../core/driver.js'
import { type Cidr, type Family, familyOf } from '../core/ip.js'
import { cidrField, macField } from './fields.js'
import type * as wire from './network-schemas.js'

/** @throws TsoverlayError REQUEST_INVALID naming a pool, gateway or aux address that is none */
export function toAllocateNetwork(body: wire.AllocateNetworkRequest): AllocateNetworkRequest {
  return { id: body.NetworkID, options: body.Options ?? {}, pools: pools(body) }
}

/** @throws TsoverlayError REQUEST_INVALID naming a pool, gateway or aux address that is none */
export function toCreateNetwork(body: wire.CreateNetworkRequest): CreateNetworkRequest {
  const options = body.Options ?? {}
  return {
    id: body.NetworkID,
    options: options['com.docker.network.generic'] ?? {},
    internal: options['com.docker.network.internal'] ?? false,
    ipv6: options['com.docker.network.enable_ipv6'] ?? false,
    pools: pools(body),
  }
}

/** @throws TsoverlayError REQUEST_INVALID naming an address or MAC that is none */
export function toCreateEndpoint(body: wire.CreateEndpointRequest): CreateEndpointRequest {
  const { Address, AddressIPv6, MacAddress } = body.Interface ?? {}
  const mac = macField('Interface.MacAddress', MacAddress)
  const addresses = [
    cidrField('Interface.Address', Address, 4),
    cidrField('Interface.AddressIPv6', AddressIPv6, 6),
  ].filter((cidr) => cidr !== undefined)
  return {
    network: body.NetworkID,
    id: body.EndpointID,
    addresses,
    ...(mac === undefined ? {} : { mac }),
  }
}

/**
 * The MAC only if dockerd gave none: it rolls the call back when a field that it had set is in the
 * answer, even with the same value (moby daemon/libnetwork/endpoint_info.go SetMacAddress).
 */
export function fromCreatedEndpoint(
  request: CreateEndpointRequest,
  created: CreatedEndpoint,
): wire.CreateEndpointResponse {
  if (request.mac !== undefined || created.mac === undefined) return {}
  return { Interface: { MacAddress: created.mac } }
}

/**
 * A gateway keeps docker_gwbridge away by itself. DisableGatewayService is for a container that has
 * none on purpose: with it dockerd does not look at this endpoint's gateway, and one more network
 * without any would bring docker_gwbridge (moby daemon/libnetwork/default_gateway.go needDefaultGW).
 */
export function fromJoinedEndpoint(joined: JoinedEndpoint): wire.JoinResponse {
  const { gateways } = joined
  const [four, six] = [4, 6].map((family) => gateways?.find((ip) => familyOf(ip) === family))
  return {
    ...(gateways?.length === 0 ? { DisableGatewayService: true } : {}),
    ...(four === undefined ? {} : { Gateway: four }),
    ...(six === undefined ? {} : { GatewayIPv6: six }),
    InterfaceName: { SrcName: joined.sourceName, DstPrefix: joined.namePrefix },
    StaticRoutes: joined.routes.map(({ destination, nextHop }) =>
      nextHop === undefined
        ? { Destination: destination, RouteType: 1 }
        : { Destination: destination, RouteType: 0, NextHop: nextHop },
    ),
  }
}

function pools(body: wire.CreateNetworkRequest | wire.AllocateNetworkRequest): PoolData[] {
  return [
    ...familyPools('IPv4Data', 4, body.IPv4Data),
    ...familyPools('IPv6Data', 6, body.IPv6Data),
  ]
}

/** An item without a pool says nothing about addresses and is left out. */
function familyPools(name: string, family: Family, list: wire.IpamData[] = []): PoolData[] {
  return list.flatMap((data, index) => {
    const field = `${name}[${index}]`
    const pool = cidrField(`${field}.Pool`, data.Pool, family)
    return pool === undefined ? [] : [poolData(field, family, pool, data)]
  })
}

function poolData(field: string, family: Family, pool: Cidr, data: wire.IpamData): PoolData {
  const gateway = cidrField(`${field}.Gateway`, data.Gateway, family)
  const aux = Object.entries(data.AuxAddresses ?? {})
    .map(([name, text]) => cidrField(`${field}.AuxAddresses.${name}`, text, family))
    .filter((cidr) => cidr !== undefined)
  return {
    addressSpace: data.AddressSpace ?? '',
    pool,
    aux,
    ...(gateway === undefined ? {} : { gateway }),
  }
}
