/**
 * Addresses that the host answers for on its bridges, although they are elsewhere: proxy entries of
 * the neighbour tables. A bridge does so for IPv4 if it forwards and the route leads elsewhere, for
 * IPv6 if `proxy_ndp` is on, too (tables/host-settings.ts). The kernel gives no notice of them.
 */
import type { Ip } from '../../core/ip.js'
import type { ProxyPlan } from '../../core/plan.js'
import { NTF_PROXY } from '../rtnl/constants.js'
import { deleteProxy, dumpProxies, putProxy } from '../rtnl/neighbour-codec.js'
import { type EntryCodec, EntryTable } from './entry-table.js'
import type { LinkTable } from './links.js'

const PROXIES: EntryCodec<ProxyPlan> = {
  name: 'proxies',
  keyOf: (entry) => entry.ip,
  same: () => true,
  put: (entry, ifindex) => putProxy(ifindex, entry.ip),
  remove: (key, ifindex) => deleteProxy(ifindex, key as Ip),
  dumps: (ifindex) => [dumpProxies(4, ifindex), dumpProxies(6, ifindex)],
  keyIn: ({ flags, ip }) => ((flags & NTF_PROXY) === 0 ? undefined : ip),
  decode: ({ flags, ip }, dev) =>
    (flags & NTF_PROXY) === 0 || ip === undefined ? undefined : { dev, ip },
}

export function proxyTable(links: LinkTable): EntryTable<ProxyPlan> {
  return new EntryTable(PROXIES, {
    links,
    devices: ({ bridges }) => bridges,
    entries: (plan) => plan.proxies ?? [],
    keepsPartial: true,
    onFresh: 'read',
    ofBridge: false,
  })
}
