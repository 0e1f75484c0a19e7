/**
 * The writes that bring one link from what it is to what is planned. Each function does nothing
 * for a link that is as planned already and throws KERNEL_FAILED at the first refusal.
 */
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { TsoverlayError } from '../../core/errors.js'
import { type Cidr, familyOf } from '../../core/ip.js'
import type { BridgeLink, LinkPlan, VethLink, VxlanLink } from '../../core/plan.js'
import type { VxlanSearch } from '../facts/vxlan-devices.js'
import { kernelFailed, refused, vniTaken } from '../failure.js'
import { deleteAddress, putAddress, putConnectedRoute } from '../rtnl/address-codec.js'
import type { LinkState } from '../rtnl/link-codec.js'
import {
  changeVxlanLocal,
  createBridge,
  createVeth,
  createVxlan,
  decodeLink,
  deleteLink,
  getLink,
  quietLink,
  setLink,
  setPort,
} from '../rtnl/link-codec.js'
import { putStation } from '../rtnl/neighbour-codec.js'
import type { Outcome, Rtnl, RtnlMessage } from '../rtnl/rtnl.js'
import type { LinkSnapshot, Readers } from './link-snapshot.js'
import {
  addressDelta,
  addressesOf,
  isAsPlanned,
  isPortAsPlanned,
  isSameVxlan,
  portOf,
  unrouted,
} from './link-snapshot.js'

/** Sockets and namespaces that links are made with. */
export interface LinkScope extends Readers {
  readonly netnsFd: number
  /** socket in the host's namespace */
  readonly host: Rtnl
  readonly hostFd: number
  readonly vxlans: Pick<VxlanSearch, 'holderOf'>
  /** Settings of a link that was just made and is down and without addresses. @throws TsoverlayError KERNEL_FAILED */
  readonly prepare?: (plan: LinkPlan) => void
}

/** A namespace that has just ended keeps its VNIs for a moment; no longer than all these are waited. */
const VNI_WAITS_MS = [50, 200, 500]

/**
 * Deletes a veth by name from the namespace of `rtnl`; none there is success.
 * @returns whether there was one
 * @throws TsoverlayError KERNEL_FAILED also for a link of another kind, which is not ours
 */
export async function deleteVethByName(rtnl: Rtnl, name: string): Promise<boolean> {
  const body = await rtnl.get(getLink({ name }), ['ENODEV'])
  if (body === undefined) return false
  const link = decodeLink(body)
  if (link.kind !== 'veth') {
    const kind = link.kind === '' ? 'another kind' : `kind ${link.kind}`
    throw kernelFailed(`link ${name}`, `it is of ${kind}, not a veth of this plugin`)
  }
  const [code] = await rtnl.write([deleteLink(link.index)])
  if (code !== undefined && code !== 'ENODEV') throw refused(`link ${name}`, code)
  return code === undefined
}

/** What is ours of a place's links. */
export interface Ownership {
  /** Whether a link is of our making; one that no plan wants is deleted. */
  owns(link: LinkState): boolean
  /** Whether a link with the name of a wanted one may be deleted for it. */
  mayReplace(link: LinkState): boolean
}

export class LinkWriter {
  readonly #scope: LinkScope
  /** kernel writes that succeeded */
  written = 0
  /** vxlan devices whose entries are gone by our own doing: made anew, or with another MAC */
  readonly remade = new Set<string>()
  /** devices that may have lost entries: made, brought up or without addresses (arp.c arp_ifdown) */
  readonly fresh = new Set<string>()
  readonly #ownership: Ownership

  constructor(scope: LinkScope, ownership: Ownership) {
    this.#scope = scope
    this.#ownership = ownership
  }

  async delete(link: LinkState): Promise<void> {
    const code = await this.#try(this.#scope.rtnl, deleteLink(link.index))
    if (code !== undefined && code !== 'ENODEV') throw refused(`link ${link.name}`, code)
  }

  /** @param anew one that is there is deleted first, also if it looks as planned */
  async ensure(plan: LinkPlan, snapshot: LinkSnapshot, anew = false): Promise<void> {
    if (!anew && isAsPlanned(plan, snapshot)) return
    const found = snapshot.links.get(plan.name)
    if (anew && found !== undefined) await this.delete(found)
    const have = anew ? undefined : await this.#usable(plan, found)
    if (have === undefined || !have.up) this.fresh.add(plan.name)
    switch (plan.kind) {
      case 'bridge':
        await this.#bridge(plan, have, snapshot)
        return
      case 'vxlan':
        if (plan.master === undefined) await this.#tunnel(plan, have, snapshot)
        else await this.#port(plan, have, snapshot)
        return
      case 'veth':
        await this.#port(plan, have, snapshot)
    }
  }

  /** Deletes a link that cannot become as planned. */
  async #usable(plan: LinkPlan, have: LinkState | undefined): Promise<LinkState | undefined> {
    if (have === undefined) return undefined
    if (have.kind === plan.kind && (plan.kind !== 'vxlan' || isSameVxlan(plan, have))) {
      if (plan.kind !== 'vxlan' || have.vxlan?.local === plan.local) return have
      const change = changeVxlanLocal(have.index, plan.local)
      if ((await this.#try(this.#scope.rtnl, change)) === undefined) return have
    }
    if (!this.#ownership.mayReplace(have)) throw notOurs(have)
    await this.delete(have)
    this.remade.add(plan.name)
    return undefined
  }

  async #bridge(
    plan: BridgeLink,
    have: LinkState | undefined,
    snapshot: LinkSnapshot,
  ): Promise<void> {
    const item = `link ${plan.name}`
    if (have === undefined) {
      // locally administered, unicast
      const mac = Uint8Array.from([0x02, 0x42, ...randomBytes(4)])
      await this.#must(item, this.#scope.rtnl, createBridge(plan.name, mac))
      this.#scope.prepare?.(plan)
    }
    if (have === undefined || have.mtu !== plan.mtu || !have.up) {
      // set apart from creation: then the bridge keeps it when ports come and go (br_set_by_user)
      const set = setLink({ name: plan.name }, { mtu: plan.mtu })
      await this.#must(item, this.#scope.rtnl, set)
    }
    await this.#ensureAddresses(plan, have, snapshot)
  }

  /** A device that packets are routed to. */
  async #tunnel(
    plan: VxlanLink,
    have: LinkState | undefined,
    snapshot: LinkSnapshot,
  ): Promise<void> {
    const { rtnl, prepare } = this.#scope
    if (have === undefined) {
      await this.#createVxlan(plan)
      await this.#try(rtnl, quietLink(plan.name))
      prepare?.(plan)
    }
    const isOther = have !== undefined && plan.mac !== undefined && have.mac !== plan.mac
    // all neighbours of the device go with its MAC (arp.c arp_netdev_event)
    if (isOther) {
      this.remade.add(plan.name)
      this.fresh.add(plan.name)
    }
    const mac = isOther && plan.mac !== undefined ? { mac: plan.mac } : {}
    const set = setLink({ name: plan.name }, { mtu: plan.mtu, master: 0, ...mac })
    const code = await this.#try(rtnl, set)
    if (code === 'EADDRINUSE') throw portTaken(`link ${plan.name}`, plan.port)
    if (code !== undefined) throw refused(`link ${plan.name}`, code)
    await this.#ensureAddresses(plan, have, snapshot)
  }

  async #ensureAddresses(
    plan: BridgeLink | VxlanLink,
    have: LinkState | undefined,
    snapshot: LinkSnapshot,
  ): Promise<void> {
    const want = addressesOf(plan)
    if (want === undefined) return
    const index = have?.index ?? (await this.#indexOf(plan.name))
    const known = have === undefined ? [] : (snapshot.addresses.get(index) ?? [])
    // with the last one all IPv4 routes and neighbours went (fib_frontend.c fib_disable_ip)
    if (want.some(isIpv4) && !known.some(isIpv4)) this.fresh.add(plan.name)
    await this.#addresses(plan.name, want, index, known)
    // an address that was put just now brought its own
    const kept = want.filter((address) => known.includes(address))
    for (const address of unrouted(kept, index, snapshot)) {
      const code = await this.#try(this.#scope.rtnl, putConnectedRoute(index, address))
      if (code !== undefined && code !== 'EEXIST')
        throw refused(`route ${plan.name} ${address}`, code)
    }
  }

  async #addresses(
    name: string,
    want: readonly Cidr[],
    index: number,
    have: readonly Cidr[],
  ): Promise<void> {
    const { rtnl } = this.#scope
    const { missing, unwanted } = addressDelta(want, have)
    for (const address of missing) {
      await this.#must(`address ${name} ${address}`, rtnl, putAddress(index, address))
    }
    for (const address of unwanted) {
      const code = await this.#try(rtnl, deleteAddress(index, address))
      if (code !== undefined && code !== 'EADDRNOTAVAIL') {
        throw refused(`address ${name} ${address}`, code)
      }
    }
    if (unwanted.length === 0) return
    // with the first IPv4 address of a subnet its secondary ones go too (devinet.c inet_del_ifa)
    for (const address of want.filter(isIpv4)) {
      await this.#must(`address ${name} ${address}`, rtnl, putAddress(index, address))
    }
  }

  async #port(
    plan: VxlanLink | VethLink,
    have: LinkState | undefined,
    snapshot: LinkSnapshot,
  ): Promise<void> {
    const item = `link ${plan.name}`
    const { rtnl } = this.#scope
    const master = snapshot.links.get(plan.master ?? '')?.index
    if (master === undefined) throw kernelFailed(item, `its bridge ${plan.master} is not there`)
    if (have === undefined) {
      if (plan.kind === 'vxlan') await this.#createVxlan(plan)
      else await this.#createVeth(plan, master)
      // a kernel without IPv6 refuses this, and has nothing to keep quiet
      await this.#try(rtnl, quietLink(plan.name))
    } else if (have.master !== master) this.fresh.add(plan.name)
    const code = await this.#try(rtnl, setLink({ name: plan.name }, { mtu: plan.mtu, master }))
    if (code === 'EADDRINUSE' && plan.kind === 'vxlan') throw portTaken(item, plan.port)
    if (code !== undefined) throw refused(item, code)
    if (have?.master !== master || !isPortAsPlanned(plan, have.port)) {
      await this.#settings(plan, have)
    }
  }

  /** How the bridge treats the port; it has one. */
  async #settings(plan: VxlanLink | VethLink, have: LinkState | undefined): Promise<void> {
    const { rtnl } = this.#scope
    // before its bridge stops to send there what it does not know: a container may be silent
    if (have !== undefined && plan.kind === 'veth') {
      await this.#try(rtnl, putStation(have.index, plan.peer.mac))
    }
    await this.#must(`link ${plan.name} as a port`, rtnl, setPort(plan.name, portOf(plan)))
  }

  async #createVxlan(plan: VxlanLink): Promise<void> {
    const item = `link ${plan.name}`
    const { host, netnsFd, vxlans } = this.#scope
    const create = createVxlan(plan, netnsFd)
    let code = await this.#try(host, create)
    for (const ms of VNI_WAITS_MS) {
      if (code !== 'EEXIST') break
      const holder = await vxlans.holderOf(plan.vni, plan.port)
      if (holder !== undefined) throw vniTaken(item, plan, holder)
      await sleep(ms)
      code = await this.#try(host, create)
    }
    if (code === 'EEXIST') throw vniTaken(item, plan, 'a vxlan device that is not to be seen')
    if (code !== undefined) throw refused(`${item} with VNI ${plan.vni}`, code)
  }

  async #createVeth(plan: VethLink, master: number): Promise<void> {
    const { rtnl, host, hostFd } = this.#scope
    const create = createVeth(plan, master, hostFd)
    let code = await this.#try(rtnl, create)
    // an earlier life of this endpoint left its end in the host's namespace
    if (code === 'EEXIST' && (await deleteVethByName(host, plan.peer.name))) {
      code = await this.#try(rtnl, create)
    }
    if (code !== undefined) throw refused(`link ${plan.name} with peer ${plan.peer.name}`, code)
  }

  async #indexOf(name: string): Promise<number> {
    const body = await this.#scope.rtnl.get(getLink({ name }), [])
    if (body === undefined) throw kernelFailed(`link ${name}`, 'it vanished while it was made')
    return decodeLink(body).index
  }

  async #try(rtnl: Rtnl, message: RtnlMessage): Promise<Outcome> {
    const [code] = await rtnl.write([message])
    if (code === undefined) this.written += 1
    return code
  }

  async #must(item: string, rtnl: Rtnl, message: RtnlMessage): Promise<void> {
    const code = await this.#try(rtnl, message)
    if (code !== undefined) throw refused(item, code)
  }
}

function isIpv4(address: Cidr): boolean {
  return familyOf(address) === 4
}

/** The socket is opened when the device comes up (vxlan_core.c vxlan_open). */
function portTaken(item: string, port: number): TsoverlayError {
  return kernelFailed(
    item,
    `UDP port ${port} of this host is in use by another program, or by a vxlan device with other settings: free it, or set another VXLAN_PORT on all hosts`,
  )
}

function notOurs({ name, kind }: LinkState): TsoverlayError {
  const which = kind === '' ? 'of another kind' : `of kind ${kind}`
  return kernelFailed(
    `link ${name}`,
    `a link of this name is there, ${which}, that this plugin did not make; it is left alone: rename or delete it`,
  )
}
