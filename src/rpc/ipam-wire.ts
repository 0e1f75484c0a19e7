/** IpamDriver bodies to core's requests and back. Translates; decides nothing. */
import type { GrantedPool, RequestAddressRequest, RequestPoolRequest } from '../core/driver.js'
import { networkOf } from '../core/ip.js'
import { cidrField, ipField } from './fields.js'
import type * as wire from './ipam-schemas.js'

/** moby daemon/libnetwork/ipamapi/contract.go RequestAddressType, and its one value */
const ADDRESS_TYPE = 'RequestAddressType'
const GATEWAY = 'com.docker.network.gateway'
/** From dockerd 29 on (moby daemon/libnetwork/netlabel/labels.go EndpointName). */
const ENDPOINT_NAME = 'com.docker.network.endpoint.name'
/** Set by swarm's leader on all its requests (moby daemon/libnetwork/ipamapi/labels.go AllocSerialPrefix). */
const SERIAL = 'com.docker.network.ipam.serial'

/** @throws TsoverlayError REQUEST_INVALID naming a pool or range that is none */
export function toRequestPool(body: wire.RequestPoolRequest): RequestPoolRequest {
  const ipv6 = body.V6 ?? false
  const pool = cidrField('Pool', body.Pool)
  const subPool = cidrField('SubPool', body.SubPool)
  return {
    addressSpace: body.AddressSpace ?? '',
    options: body.Options ?? {},
    ipv6,
    ...(pool === undefined ? {} : { pool }),
    ...(subPool === undefined ? {} : { subPool }),
  }
}

/** Host bits cleared: from 27.0 on dockerd takes the pool as netip.ParsePrefix gives it. */
export function fromGrantedPool(granted: GrantedPool): wire.RequestPoolResponse {
  return { PoolID: granted.id, Pool: networkOf(granted.pool), Data: {} }
}

/** @throws TsoverlayError REQUEST_INVALID when Address is none */
export function toRequestAddress(body: wire.RequestAddressRequest): RequestAddressRequest {
  const address = ipField('Address', body.Address)
  const name = body.Options?.[ENDPOINT_NAME] || undefined
  return {
    poolId: body.PoolID,
    gateway: body.Options?.[ADDRESS_TYPE] === GATEWAY,
    replay: body.Options?.[SERIAL] === 'true',
    ...(address === undefined ? {} : { address }),
    ...(name === undefined ? {} : { name }),
  }
}
