/**
 * Tells the containers of a sandbox which MAC an address has now: their neighbour caches would keep
 * the one before for half a minute, and what they send goes nowhere meanwhile. For IPv4 it is a
 * gratuitous ARP reply, which Linux takes at once (arp.c arp_is_garp); a request would be answered
 * by the vxlan device. For IPv6 an unsolicited neighbour advertisement.
 *
 * Only an address that had another MAC before is announced: who has none cached asks.
 */
import type { Ip } from '../../core/ip.js'
import { familyOf } from '../../core/ip.js'
import type { Mac } from '../../core/mac.js'
import { macToBytes } from '../../core/mac.js'
import type { NeighbourPlan } from '../../core/plan.js'
import { inTurns } from '../../core/turns.js'
import { checksum } from '../checksum.js'
import { addressBytes } from '../rtnl/codec.js'

/** Addresses that have gone lately, of which the MAC is remembered. */
const REMEMBERED = 4_096

/** What is due: `dev` is a vxlan device, or the bridge of a container here. */
type Tell = (entry: NeighbourPlan) => void

export class Announcer {
  /** address → its MAC when it went, the oldest first */
  readonly #gone = new Map<Ip, Mac>()
  #due = new Map<Ip, NeighbourPlan>()
  #residents: ReadonlyMap<Ip, NeighbourPlan> | undefined

  /** An address has gone from a device, or another MAC takes its place. */
  went(ip: Ip, mac: Mac): void {
    this.#gone.delete(ip)
    this.#gone.set(ip, mac)
    const [oldest] = this.#gone.keys()
    if (this.#gone.size > REMEMBERED && oldest !== undefined) this.#gone.delete(oldest)
  }

  /** An address has come. */
  came(entry: NeighbourPlan): void {
    const former = this.#gone.get(entry.ip)
    this.#gone.delete(entry.ip)
    if (former !== undefined && former !== entry.mac) this.#due.set(entry.ip, entry)
  }

  /**
   * The addresses of this host's own containers. A new one of a sandbox that was there is announced
   * in any case, as a former process may have known another MAC.
   */
  setResidents(entries: readonly NeighbourPlan[]): void {
    const former = this.#residents
    const residents = new Map(entries.map((entry) => [entry.ip, entry]))
    this.#residents = residents
    for (const [ip, { mac }] of former ?? []) {
      if (residents.get(ip)?.mac !== mac) this.went(ip, mac)
    }
    for (const entry of entries) {
      if (former === undefined || former.get(entry.ip)?.mac === entry.mac) continue
      this.#gone.delete(entry.ip)
      this.#due.set(entry.ip, entry)
    }
  }

  get isDue(): boolean {
    return this.#due.size > 0
  }

  /** Tells what is due, letting others have a turn. */
  async tell(tell: Tell): Promise<void> {
    const due = this.#due
    this.#due = new Map()
    await inTurns(due.values(), tell)
  }
}

/** linux/if_ether.h */
const ETH_P = { ARP: 0x0806, IPV6: 0x86dd } as const
const BROADCAST = Buffer.alloc(6, 0xff)
/** ff02::1 and the MAC that it has (RFC 2464) */
const ALL_NODES = addressBytes('ff02::1' as Ip)
const ALL_NODES_MAC = Buffer.from([0x33, 0x33, 0, 0, 0, 1])
const IPPROTO_ICMPV6 = 58

/** A frame from `mac` that says to all that it has `ip`. */
export function announcement(ip: Ip, mac: Mac): Buffer {
  const bytes = addressBytes(ip)
  const hardware = macToBytes(mac)
  if (familyOf(ip) === 6) {
    return frame(ALL_NODES_MAC, hardware, ETH_P.IPV6, advertisement(bytes, hardware))
  }
  // Ethernet, IPv4, address lengths, reply (RFC 826)
  const head = Buffer.from([0, 1, 8, 0, 6, 4, 0, 2])
  const reply = Buffer.concat([head, hardware, bytes, hardware, bytes])
  return frame(BROADCAST, hardware, ETH_P.ARP, reply)
}

function frame(to: Uint8Array, from: Uint8Array, type: number, payload: Buffer): Buffer {
  return Buffer.concat([to, from, Buffer.from([type >> 8, type & 0xff]), payload])
}

/** An IPv6 packet with an unsolicited neighbour advertisement (RFC 4861 section 4.4). */
function advertisement(address: Uint8Array, mac: Uint8Array): Buffer {
  const message = Buffer.alloc(32)
  message.set([136, 0, 0, 0, 0x20])
  message.set(address, 8)
  // option: target link-layer address, one unit of eight bytes
  message.set([2, 1, ...mac], 24)
  const pseudo = Buffer.concat([address, ALL_NODES, Buffer.from([0, 0, 0, message.length])])
  const next = Buffer.from([0, 0, 0, IPPROTO_ICMPV6])
  message.writeUInt16BE(checksum(Buffer.concat([pseudo, next, message])), 2)
  const head = Buffer.from([0x60, 0, 0, 0, 0, message.length, IPPROTO_ICMPV6, 255])
  return Buffer.concat([head, address, ALL_NODES, message])
}
