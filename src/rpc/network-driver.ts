/** The methods of NetworkDriver: schema, translation, use case, translation. No decision here. */
import type { NetworkDriver } from '../core/driver.js'
import { constant, type Method, method } from './method.js'
import * as wire from './network-schemas.js'
import {
  fromCreatedEndpoint,
  fromJoinedEndpoint,
  toAllocateNetwork,
  toCreateEndpoint,
  toCreateNetwork,
} from './network-wire.js'
import { toPortWishes } from './port-wire.js'
import { Empty } from './schemas.js'

/** All NetworkDriver methods that dockerd 20.10 to 29 calls. */
export function networkDriverMethods(driver: NetworkDriver): Method[] {
  return [
    ...capabilityMethods(driver),
    ...networkMethods(driver),
    ...endpointMethods(driver),
    ...sandboxMethods(driver),
    ...connectivityMethods(driver),
    ...acknowledgedMethods(),
  ]
}

function capabilityMethods(driver: NetworkDriver): Method[] {
  return [
    constant('NetworkDriver.GetCapabilities', wire.GetCapabilitiesResponse, {
      Scope: driver.scope,
      // Containers reach those of other hosts whatever the scope of the driver's data.
      ConnectivityScope: 'global',
      GwAllocChecker: true,
    }),
    method({
      name: 'NetworkDriver.GwAllocCheck',
      request: wire.GwAllocCheckRequest,
      response: wire.GwAllocCheckResponse,
      // Each host's bridge carries the gateway address, so it has to be reserved, also with
      // --internal. That Join returns no gateway is another matter: egress is docker_gwbridge's.
      call: async () => ({ SkipIPv4: false, SkipIPv6: false }),
    }),
  ]
}

function networkMethods(driver: NetworkDriver): Method[] {
  return [
    method({
      name: 'NetworkDriver.AllocateNetwork',
      request: wire.AllocateNetworkRequest,
      response: wire.AllocateNetworkResponse,
      call: async (body, signal) => ({
        Options: await driver.allocateNetwork(toAllocateNetwork(body), signal),
      }),
    }),
    method({
      name: 'NetworkDriver.FreeNetwork',
      request: wire.NetworkRequest,
      response: Empty,
      call: ({ NetworkID }, signal) => done(driver.freeNetwork(NetworkID, signal)),
    }),
    method({
      name: 'NetworkDriver.CreateNetwork',
      request: wire.CreateNetworkRequest,
      response: Empty,
      call: async (body, signal) => done(driver.createNetwork(toCreateNetwork(body), signal)),
    }),
    method({
      name: 'NetworkDriver.DeleteNetwork',
      request: wire.NetworkRequest,
      response: Empty,
      call: ({ NetworkID }, signal) => done(driver.deleteNetwork(NetworkID, signal)),
    }),
  ]
}

function endpointMethods(driver: NetworkDriver): Method[] {
  return [
    method({
      name: 'NetworkDriver.CreateEndpoint',
      request: wire.CreateEndpointRequest,
      response: wire.CreateEndpointResponse,
      call: async (body, signal) => {
        const request = toCreateEndpoint(body)
        return fromCreatedEndpoint(request, await driver.createEndpoint(request, signal))
      },
    }),
    method({
      name: 'NetworkDriver.EndpointOperInfo',
      request: wire.EndpointRequest,
      response: wire.EndpointOperInfoResponse,
      call: async ({ NetworkID, EndpointID }) => ({
        Value: await driver.endpointInfo(NetworkID, EndpointID),
      }),
    }),
    method({
      name: 'NetworkDriver.DeleteEndpoint',
      request: wire.EndpointRequest,
      response: Empty,
      call: ({ NetworkID, EndpointID }, signal) =>
        done(driver.deleteEndpoint(NetworkID, EndpointID, signal)),
    }),
  ]
}

function sandboxMethods(driver: NetworkDriver): Method[] {
  return [
    method({
      name: 'NetworkDriver.Join',
      request: wire.JoinRequest,
      response: wire.JoinResponse,
      call: async ({ NetworkID, EndpointID, SandboxKey }, signal) =>
        fromJoinedEndpoint(await driver.join(NetworkID, EndpointID, signal, SandboxKey)),
    }),
    method({
      name: 'NetworkDriver.Leave',
      request: wire.EndpointRequest,
      response: Empty,
      call: ({ NetworkID, EndpointID }, signal) =>
        done(driver.leave(NetworkID, EndpointID, signal)),
    }),
  ]
}

/** dockerd calls them of the endpoint that is the container's gateway, after its Join. */
function connectivityMethods(driver: NetworkDriver): Method[] {
  return [
    method({
      name: 'NetworkDriver.ProgramExternalConnectivity',
      request: wire.ProgramExternalConnectivityRequest,
      response: Empty,
      call: async (body, signal) => {
        const { NetworkID, EndpointID } = body
        return done(driver.publish(NetworkID, EndpointID, toPortWishes(body), signal))
      },
    }),
    method({
      name: 'NetworkDriver.RevokeExternalConnectivity',
      request: wire.EndpointRequest,
      response: Empty,
      call: ({ NetworkID, EndpointID }) => done(driver.unpublish(NetworkID, EndpointID)),
    }),
  ]
}

/** Calls that ask nothing of this driver: hosts are found in etcd. */
function acknowledgedMethods(): Method[] {
  const requests = {
    DiscoverNew: wire.DiscoveryNotification,
    DiscoverDelete: wire.DiscoveryNotification,
  }
  return Object.entries(requests).map(([name, request]) =>
    method({ name: `NetworkDriver.${name}`, request, response: Empty, call: async () => ({}) }),
  )
}

async function done(work: Promise<void>): Promise<Record<string, never>> {
  await work
  return {}
}
