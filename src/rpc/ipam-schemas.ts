/** Bodies of IpamDriver: moby daemon/libnetwork/ipams/remote/api/api.go. */
import { type Static, Type } from 'typebox'
import { Id, response, StringMap, Text } from './schemas.js'

export const GetCapabilitiesResponse = response({
  RequiresMACAddress: Type.Boolean(),
  RequiresRequestReplay: Type.Boolean(),
})

export const GetDefaultAddressSpacesResponse = response({
  LocalDefaultAddressSpace: Type.String(),
  GlobalDefaultAddressSpace: Type.String(),
})

export const RequestPoolRequest = Type.Object({
  AddressSpace: Text,
  Pool: Text,
  SubPool: Text,
  /** the `--ipam-opt` options */
  Options: Type.Optional(StringMap),
  V6: Type.Optional(Type.Boolean()),
})
export type RequestPoolRequest = Static<typeof RequestPoolRequest>
export const RequestPoolResponse = response({
  PoolID: Type.String(),
  Pool: Type.String(),
  Data: StringMap,
})
export type RequestPoolResponse = Static<typeof RequestPoolResponse>

export const ReleasePoolRequest = Type.Object({ PoolID: Id })

export const RequestAddressRequest = Type.Object({
  PoolID: Id,
  Address: Text,
  Options: Type.Optional(StringMap),
})
export type RequestAddressRequest = Static<typeof RequestAddressRequest>
export const RequestAddressResponse = response({ Address: Type.String(), Data: StringMap })

export const ReleaseAddressRequest = Type.Object({ PoolID: Id, Address: Type.String() })
