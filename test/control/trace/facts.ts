/** Facts of a path that is well, each to be made wrong by a test. */
import type { Cidr, Ip } from '../../../src/core/ip.js'
import type { Mac } from '../../../src/core/mac.js'
import type { Surroundings } from '../../../src/core/path-facts.js'
import type { Underlay, Way } from '../../../src/core/types.js'

export const OTHER = '10.20.0.9' as Ip
export const OWN_MAC = '02:42:0a:14:00:05' as Mac
export const OTHER_MAC = '02:42:0a:14:00:09' as Mac
export const VTEP = '192.0.2.2' as Ip
export const ENDPOINT = { mac: OWN_MAC, addresses: ['10.20.0.5/16' as Cidr] }
export const WAY: Way = { host: 'b', vtep: VTEP, dev: 'eth0' }
export const UNDERLAY: Underlay = {
  vtep: '192.0.2.1' as Ip,
  mtu: 1500,
  port: 4789,
  link: { dev: 'eth0', subnet: '192.0.2.0/24' as Cidr },
}

type Link = Surroundings['links'][number]

export function link(name: string, more: Partial<Link> = {}): Link {
  return {
    ...{ index: 1, name, kind: 'veth', mtu: 1450, up: true, carrier: true, addresses: [] },
    ...more,
  }
}

const NOTHING: Surroundings = { links: [], routes: [], neighbours: [], fdb: [], table: [] }

export function facts(given: Partial<Surroundings>): Surroundings {
  return { ...NOTHING, ...given }
}

/** In the container. */
export function inside(more: Partial<Surroundings> = {}): Surroundings {
  return facts({
    links: [link('eth0', { mac: OWN_MAC, addresses: ENDPOINT.addresses }), link('eth1')],
    routes: [{ to: OTHER, kind: 'unicast', dev: 'eth0' }],
    ...more,
  })
}

/** In the host's namespace. */
export function host(more: Partial<Surroundings> = {}): Surroundings {
  return facts({
    links: [link('eth0', { kind: '', mtu: 1500 }), link('eth1', { kind: '' })],
    routes: [{ to: VTEP, kind: 'unicast', dev: 'eth0' }],
    ...more,
  })
}
