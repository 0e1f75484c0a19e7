/** The methods of IpamDriver: schema, translation, use case, translation. No decision here. */
import type { IpamDriver } from '../core/driver.js'
import { requiredIp } from './fields.js'
import * as wire from './ipam-schemas.js'
import { fromGrantedPool, toRequestAddress, toRequestPool } from './ipam-wire.js'
import { constant, type Method, method } from './method.js'
import { Empty } from './schemas.js'

/** All IpamDriver methods that dockerd 20.10 to 29 calls. */
export function ipamDriverMethods(driver: IpamDriver): Method[] {
  return [...capabilityMethods(driver), ...poolMethods(driver), ...addressMethods(driver)]
}

function capabilityMethods(driver: IpamDriver): Method[] {
  return [
    constant('IpamDriver.GetCapabilities', wire.GetCapabilitiesResponse, {
      RequiresMACAddress: false,
      // What was handed out is remembered here, and outlives both dockerd and the plugin.
      RequiresRequestReplay: false,
    }),
    constant('IpamDriver.GetDefaultAddressSpaces', wire.GetDefaultAddressSpacesResponse, {
      LocalDefaultAddressSpace: driver.localAddressSpace,
      GlobalDefaultAddressSpace: driver.globalAddressSpace,
    }),
  ]
}

function poolMethods(driver: IpamDriver): Method[] {
  return [
    method({
      name: 'IpamDriver.RequestPool',
      request: wire.RequestPoolRequest,
      response: wire.RequestPoolResponse,
      call: async (body, signal) =>
        fromGrantedPool(await driver.requestPool(toRequestPool(body), signal)),
    }),
    method({
      name: 'IpamDriver.ReleasePool',
      request: wire.ReleasePoolRequest,
      response: Empty,
      call: async ({ PoolID }, signal) => {
        await driver.releasePool(PoolID, signal)
        return {}
      },
    }),
  ]
}

function addressMethods(driver: IpamDriver): Method[] {
  return [
    method({
      name: 'IpamDriver.RequestAddress',
      request: wire.RequestAddressRequest,
      response: wire.RequestAddressResponse,
      call: async (body, signal) => ({
        Address: await driver.requestAddress(toRequestAddress(body), signal),
        Data: {},
      }),
    }),
    method({
      name: 'IpamDriver.ReleaseAddress',
      request: wire.ReleaseAddressRequest,
      response: Empty,
      call: async ({ PoolID, Address }, signal) => {
        await driver.releaseAddress(PoolID, requiredIp('Address', Address), signal)
        return {}
      },
    }),
  ]
}
