/** What the kernel tells of changes in a namespace, whoever made them. */
import { decodeNewGeneration } from '../nft/messages.js'
import type { AddressState, RouteState } from '../rtnl/address-codec.js'
import { decodeAddress, decodeRoute } from '../rtnl/address-codec.js'
import { AF, RTM } from '../rtnl/constants.js'
import type { LinkState, PortState } from '../rtnl/link-codec.js'
import { decodeLink } from '../rtnl/link-codec.js'
import type { NeighbourState } from '../rtnl/neighbour-codec.js'
import { decodeNeighbour } from '../rtnl/neighbour-codec.js'
import type { ForwardingState } from '../rtnl/netconf-codec.js'
import { decodeForwarding } from '../rtnl/netconf-codec.js'

export type Notice =
  | { readonly kind: 'link'; readonly link: LinkState; readonly gone: boolean }
  /** of a bridge about its port with that ifindex */
  | { readonly kind: 'port'; readonly index: number; readonly port: PortState }
  | {
      readonly kind: 'entry'
      readonly state: NeighbourState
      /** an FDB entry, of a bridge or a vxlan device; else a neighbour */
      readonly ofBridge: boolean
      readonly gone: boolean
    }
  | { readonly kind: 'address'; readonly address: AddressState; readonly gone: boolean }
  | { readonly kind: 'route'; readonly route: RouteState; readonly gone: boolean }
  | { readonly kind: 'forwarding'; readonly state: ForwardingState }
  | { readonly kind: 'rules'; readonly generation: number }

/**
 * @param type RTM_…, or that of a message of nf_tables
 * @returns undefined for what no table looks at
 */
export function decodeNotice(type: number, body: Buffer): Notice | undefined {
  switch (type) {
    case RTM.NEWLINK:
    case RTM.DELLINK:
      return linkNotice(body, type === RTM.DELLINK)
    case RTM.NEWNEIGH:
    case RTM.DELNEIGH: {
      const ofBridge = body.readUInt8(0) === AF.BRIDGE
      const gone = type === RTM.DELNEIGH
      return { kind: 'entry', state: decodeNeighbour(body), ofBridge, gone }
    }
    case RTM.NEWADDR:
    case RTM.DELADDR: {
      const address = decodeAddress(body)
      return address && { kind: 'address', address, gone: type === RTM.DELADDR }
    }
    case RTM.NEWROUTE:
    case RTM.DELROUTE:
      return { kind: 'route', route: decodeRoute(body), gone: type === RTM.DELROUTE }
    case RTM.NEWNETCONF: {
      const state = decodeForwarding(body)
      return state && { kind: 'forwarding', state }
    }
    default: {
      const generation = decodeNewGeneration(type, body)
      return generation === undefined ? undefined : { kind: 'rules', generation }
    }
  }
}

/** A bridge tells of its ports in the same group, and that of a port that left it as DELLINK. */
function linkNotice(body: Buffer, gone: boolean): Notice | undefined {
  const link = decodeLink(body)
  if (body.readUInt8(0) !== AF.BRIDGE) return { kind: 'link', link, gone }
  const { index, port } = link
  return gone || port === undefined ? undefined : { kind: 'port', index, port }
}
