/** Bodies of NetworkDriver: moby daemon/libnetwork/drivers/remote/api/api.go. */
import { type Static, Type } from 'typebox'
import { AnyMap, Id, NewId, response, StringMap, Text } from './schemas.js'

/** moby daemon/libnetwork/driverapi/ipamdata.go MarshalJSON: keys are left out where Go has nil. */
const IpamData = Type.Object({
  AddressSpace: Text,
  Pool: Text,
  Gateway: Text,
  AuxAddresses: Type.Optional(StringMap),
})
export type IpamData = Static<typeof IpamData>
const IpamDataList = Type.Optional(Type.Array(IpamData))

/** The labels of moby daemon/libnetwork/netlabel/labels.go that we read; others pass unread. */
const NetworkOptions = Type.Object({
  /** all `-o key=value` */
  'com.docker.network.generic': Type.Optional(StringMap),
  'com.docker.network.enable_ipv6': Type.Optional(Type.Boolean()),
  /** only there, and true, with `--internal` */
  'com.docker.network.internal': Type.Optional(Type.Boolean()),
})

const ByNetwork = { NetworkID: Id }
const ByEndpoint = { NetworkID: Id, EndpointID: Id }
const OfNewNetwork = { NetworkID: NewId }

export const NetworkRequest = Type.Object(ByNetwork)
export const EndpointRequest = Type.Object(ByEndpoint)

export const GetCapabilitiesResponse = response({
  Scope: Type.Union([Type.Literal('local'), Type.Literal('global')]),
  ConnectivityScope: Type.Literal('global'),
  GwAllocChecker: Type.Boolean(),
})

export const AllocateNetworkRequest = Type.Object({
  ...OfNewNetwork,
  Options: Type.Optional(StringMap),
  IPv4Data: IpamDataList,
  IPv6Data: IpamDataList,
})
export type AllocateNetworkRequest = Static<typeof AllocateNetworkRequest>
export const AllocateNetworkResponse = response({ Options: StringMap })

export const GwAllocCheckRequest = Type.Object({ Options: Type.Optional(NetworkOptions) })
export const GwAllocCheckResponse = response({ SkipIPv4: Type.Boolean(), SkipIPv6: Type.Boolean() })

export const CreateNetworkRequest = Type.Object({
  ...OfNewNetwork,
  Options: Type.Optional(NetworkOptions),
  IPv4Data: IpamDataList,
  IPv6Data: IpamDataList,
})
export type CreateNetworkRequest = Static<typeof CreateNetworkRequest>

export const CreateEndpointRequest = Type.Object({
  NetworkID: Id,
  EndpointID: NewId,
  Interface: Type.Optional(Type.Object({ Address: Text, AddressIPv6: Text, MacAddress: Text })),
  Options: Type.Optional(AnyMap),
})
export type CreateEndpointRequest = Static<typeof CreateEndpointRequest>
/** Addresses always come from dockerd, so the MAC is all that we can have chosen. */
export const CreateEndpointResponse = response({
  Interface: Type.Optional(response({ MacAddress: Type.String() })),
})
export type CreateEndpointResponse = Static<typeof CreateEndpointResponse>

export const EndpointOperInfoResponse = response({ Value: StringMap })

export const JoinRequest = Type.Object({
  ...ByEndpoint,
  SandboxKey: Text,
  Options: Type.Optional(AnyMap),
})
const StaticRoute = response({
  Destination: Type.String(),
  /** moby daemon/libnetwork/types/types.go: NEXTHOP 0, CONNECTED 1 */
  RouteType: Type.Union([Type.Literal(0), Type.Literal(1)]),
  NextHop: Type.Optional(Type.String()),
})
/** With a gateway dockerd attaches no docker_gwbridge, and egress and `-p` are ours. */
export const JoinResponse = response({
  Gateway: Type.Optional(Type.String()),
  GatewayIPv6: Type.Optional(Type.String()),
  DisableGatewayService: Type.Optional(Type.Boolean()),
  InterfaceName: response({ SrcName: Type.String(), DstPrefix: Type.String() }),
  StaticRoutes: Type.Array(StaticRoute),
})
export type JoinResponse = Static<typeof JoinResponse>

const PortNumber = Type.Integer({ minimum: 1, maximum: 65_535 })
const HostPort = Type.Integer({ minimum: 0, maximum: 65_535 })
/** moby daemon/libnetwork/types/types.go PortBinding, which has no JSON of its own. */
const PortBinding = Type.Object({
  /** IPPROTO_*, one byte */
  Proto: Type.Integer({ minimum: 0, maximum: 255 }),
  Port: PortNumber,
  HostIP: Text,
  /** 0: any */
  HostPort: Type.Optional(HostPort),
  /** the last one of a range; as HostPort, or 0, where it is none */
  HostPortEnd: Type.Optional(HostPort),
})
export type PortBinding = Static<typeof PortBinding>

/** The labels of the sandbox that we read; exposed ports and others pass unread. */
export const PORT_MAP = 'com.docker.network.portmap'
export const ProgramExternalConnectivityRequest = Type.Object({
  ...ByEndpoint,
  Options: Type.Optional(Type.Object({ [PORT_MAP]: Type.Optional(Type.Array(PortBinding)) })),
})
export type ProgramExternalConnectivityRequest = Static<typeof ProgramExternalConnectivityRequest>

export const DiscoveryNotification = Type.Object({
  DiscoveryType: Type.Integer(),
  DiscoveryData: Type.Optional(Type.Unknown()),
})
