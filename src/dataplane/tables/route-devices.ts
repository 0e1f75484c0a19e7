/** Devices that routes lead to, whoever's they are, by name and ifindex. */
import { familyOf } from '../../core/ip.js'
import type { RoutePlan } from '../../core/plan.js'
import type { AddressState, RouteState } from '../rtnl/address-codec.js'
import { RTN } from '../rtnl/constants.js'
import { decodeLink, getLink, type LinkRef, type LinkState } from '../rtnl/link-codec.js'
import type { RouteSpec } from '../rtnl/route-codec.js'
import type { Rtnl } from '../rtnl/rtnl.js'

export class RouteDevices {
  readonly #indexes = new Map<string, number>()
  readonly #names = new Map<number, string>()
  /** names of those that went down or away since they were found: the kernel tells nothing of the routes */
  readonly #lost = new Set<string>()
  /** of those that lost an IPv4 address: with the last one all IPv4 routes go, without a word */
  readonly #bare = new Set<number>()

  get names(): Iterable<string> {
    return this.#indexes.keys()
  }

  has(name: string): boolean {
    return this.#indexes.has(name)
  }

  nameAt(ifindex: number): string | undefined {
    return this.#names.get(ifindex)
  }

  /**
   * Notes that a device went down, for however short a time.
   * @param gone it was deleted
   */
  hear({ name, up, index }: LinkState, gone: boolean): void {
    if (gone) this.#bare.delete(index)
    if ((gone || !up) && this.#indexes.get(name) === index) this.#lost.add(name)
  }

  /**
   * Whether a notice says that a device has come back, without its routes.
   * @param gone it was deleted
   */
  isBack({ name, up, index }: LinkState, gone: boolean): boolean {
    const known = this.#indexes.get(name)
    if (known === undefined || gone || !up) return false
    return this.#lost.delete(name) || known !== index
  }

  /**
   * Whether a notice says that a device has an address again, without its routes. While it is down they
   * could not be put.
   */
  isAddressed({ ifindex, address }: AddressState, gone: boolean): boolean {
    const name = this.#names.get(ifindex)
    if (name === undefined || familyOf(address) === 6) return false
    if (!gone) return this.#bare.delete(ifindex) && !this.#lost.has(name)
    this.#bare.add(ifindex)
    return false
  }

  /** Looks up devices by name. @throws TsoverlayError KERNEL_FAILED */
  async find(rtnl: Rtnl, names: Iterable<string>): Promise<void> {
    for (const name of new Set(names)) {
      if (name !== '') await this.#look(rtnl, { name }, name)
    }
  }

  /** @returns empty for none. @throws TsoverlayError KERNEL_FAILED */
  async nameOf(rtnl: Rtnl, index: number): Promise<string> {
    if (index === 0) return ''
    return this.#names.get(index) ?? (await this.#look(rtnl, { index }))?.name ?? ''
  }

  /** As messages have it; undefined where there is no such device. */
  specOf({ to, dev, via, onlink, source, mtu, metric = 0 }: RoutePlan): RouteSpec | undefined {
    const ifindex = this.#indexes.get(dev)
    if (dev !== '' && ifindex === undefined) return undefined
    return {
      to,
      metric,
      ...(ifindex === undefined ? {} : { ifindex }),
      ...(via === undefined ? {} : { via }),
      ...(onlink === undefined ? {} : { onlink }),
      ...(source === undefined ? {} : { source }),
      ...(mtu === undefined ? {} : { mtu }),
    }
  }

  /** A route for people, as `ip route` would say it. */
  async describe(rtnl: Rtnl, route: RouteState): Promise<string> {
    const { destination, gateway, ifindex, metric, protocol, type } = route
    const dev = type === RTN.UNICAST ? await this.nameOf(rtnl, ifindex) : ''
    return [
      type === RTN.UNICAST ? '' : `type ${type}`,
      destination,
      gateway === undefined ? '' : `via ${gateway}`,
      dev === '' ? '' : `dev ${dev}`,
      `proto ${protocol}`,
      `metric ${metric}`,
    ]
      .filter((part) => part !== '')
      .join(' ')
  }

  async #look(rtnl: Rtnl, ref: LinkRef, name?: string): Promise<LinkState | undefined> {
    const body = await rtnl.get(getLink(ref), ['ENODEV'])
    const link = body && decodeLink(body)
    const former = name === undefined ? undefined : this.#indexes.get(name)
    if (former !== undefined) this.#names.delete(former)
    if (link === undefined) {
      if (name !== undefined) this.#indexes.delete(name)
      return undefined
    }
    this.#indexes.set(link.name, link.index)
    this.#names.set(link.index, link.name)
    return link
  }
}
