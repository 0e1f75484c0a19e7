/**
 * Request bodies as moby writes them: field sets of daemon/libnetwork/{drivers,ipams}/remote/api/api.go,
 * values as seen from dockerd 26.1 and 28.5.
 */
export const NETWORK = '4f1c2b3a5d6e7f8091a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f708'
export const ENDPOINT = '9e8d7c6b5a493827161504f3e2d1c0b9a8979695949392919089888786858483'

export const SANDBOX_KEY = '/var/run/docker/netns/0f1e2d3c4b5a'

const SANDBOX_OPTIONS = {
  'com.docker.network.endpoint.exposedports': [{ Proto: 6, Port: 80 }],
  'com.docker.network.portmap': [
    { Proto: 6, IP: '', Port: 80, HostIP: '', HostPort: 8080, HostPortEnd: 8080 },
  ],
}
const NODE = { Address: '192.0.2.1', BindAddress: '192.0.2.1', Self: true }
const BY_NETWORK = { NetworkID: NETWORK }
const BY_ENDPOINT = { NetworkID: NETWORK, EndpointID: ENDPOINT }

export const CREATE_NETWORK = {
  NetworkID: NETWORK,
  Options: {
    'com.docker.network.enable_ipv4': true,
    'com.docker.network.enable_ipv6': true,
    'com.docker.network.generic': { backend: 'overlay', 'com.docker.network.driver.mtu': '1400' },
    'com.docker.network.internal': true,
  },
  IPv4Data: [
    {
      AddressSpace: 'local-space',
      AuxAddresses: { printer: '10.20.0.8/16', router: '10.20.0.9/16' },
      Gateway: '10.20.0.1/16',
      Pool: '10.20.0.0/16',
    },
  ],
  IPv6Data: [{ AddressSpace: 'local-space', Gateway: 'fd00:20::1/64', Pool: 'fd00:20::/64' }],
}

export const CREATE_ENDPOINT = {
  NetworkID: NETWORK,
  EndpointID: ENDPOINT,
  Interface: { Address: '10.20.0.5/16', AddressIPv6: 'fd00:20::5/64', MacAddress: '' },
  Options: {
    ...SANDBOX_OPTIONS,
    'com.docker.network.endpoint.macaddress': 'Aqq7zN3u',
    'com.docker.network.endpoint.dnsservers': null,
  },
}

/** Every method with a body that dockerd sends for it; undefined = an empty one. */
export const REQUESTS: Readonly<Record<string, object | undefined>> = {
  'Plugin.Activate': undefined,
  'NetworkDriver.GetCapabilities': undefined,
  'NetworkDriver.AllocateNetwork': {
    NetworkID: 'u1l5jwqkkzhmmdgqvz7ckcfqk',
    Options: { backend: 'overlay' },
    IPv4Data: [{ AddressSpace: 'global-space', Gateway: '10.0.1.1/24', Pool: '10.0.1.0/24' }],
    IPv6Data: null,
  },
  'NetworkDriver.FreeNetwork': BY_NETWORK,
  'NetworkDriver.GwAllocCheck': { Options: CREATE_NETWORK.Options },
  'NetworkDriver.CreateNetwork': CREATE_NETWORK,
  'NetworkDriver.DeleteNetwork': BY_NETWORK,
  'NetworkDriver.CreateEndpoint': CREATE_ENDPOINT,
  'NetworkDriver.EndpointOperInfo': BY_ENDPOINT,
  'NetworkDriver.DeleteEndpoint': BY_ENDPOINT,
  'NetworkDriver.Join': {
    ...BY_ENDPOINT,
    SandboxKey: SANDBOX_KEY,
    Options: SANDBOX_OPTIONS,
  },
  'NetworkDriver.Leave': BY_ENDPOINT,
  'NetworkDriver.DiscoverNew': { DiscoveryType: 1, DiscoveryData: NODE },
  'NetworkDriver.DiscoverDelete': { DiscoveryType: 1, DiscoveryData: NODE },
  'NetworkDriver.ProgramExternalConnectivity': { ...BY_ENDPOINT, Options: SANDBOX_OPTIONS },
  'NetworkDriver.RevokeExternalConnectivity': BY_ENDPOINT,
  'IpamDriver.GetCapabilities': undefined,
  'IpamDriver.GetDefaultAddressSpaces': undefined,
  'IpamDriver.RequestPool': {
    AddressSpace: 'local-space',
    Pool: '10.20.0.0/16',
    SubPool: '10.20.4.0/24',
    Options: { network: 'blue' },
    V6: false,
  },
  'IpamDriver.ReleasePool': { PoolID: 'pool-1' },
  'IpamDriver.RequestAddress': { PoolID: 'pool-1', Address: '', Options: null },
  'IpamDriver.ReleaseAddress': { PoolID: 'pool-1', Address: '10.20.0.5' },
}

/** The methods that take an argument. */
export const WITH_BODY = Object.entries(REQUESTS).flatMap(([method, body]) =>
  body === undefined ? [] : [{ method, body }],
)
