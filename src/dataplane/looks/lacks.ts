/** As HostLooks.lacks: one of each is made where nobody sees it. */
import { closeSync, openSync } from 'node:fs'
import type { Ip } from '../../core/ip.js'
import { macToBytes, parseMac } from '../../core/mac.js'
import type { VxlanLink } from '../../core/plan.js'
import { NFPROTO } from '../nft/constants.js'
import { inBatch, newTable } from '../nft/messages.js'
import { type Home, OWN_NAMESPACE } from '../places/netns.js'
import { createBridge, createVeth, createVxlan } from '../rtnl/link-codec.js'
import { openNetfilter, openRtnl } from '../rtnl/netlink-rtnl.js'
import type { BatchSocket, RtnlMessage } from '../rtnl/rtnl.js'

const MAC = parseMac('02:74:73:6f:00:02')
const VXLAN: VxlanLink = {
  kind: 'vxlan',
  name: 'vxlan0',
  mtu: 1_400,
  vni: 1,
  port: 4_789,
  local: '127.0.0.1' as Ip,
  master: 'br0',
}
const TABLES = [
  ['packet filter (nf_tables)', NFPROTO.INET],
  ['packet filter of bridges (nf_tables_bridge)', NFPROTO.BRIDGE],
] as const

export async function findLacks(home: Home): Promise<ReadonlyMap<string, string>> {
  const { fd, rtnl, netfilter } = home.enterNew(() => ({
    fd: openSync(OWN_NAMESPACE, 'r'),
    rtnl: openRtnl(),
    netfilter: openNetfilter(),
  }))
  try {
    const links = linkTrials(fd)
    const outcomes = await rtnl.write(links.map(([, message]) => message))
    const found = links.map(([what], at) => [what, outcomes[at]] as const)
    return new Map(
      [...found, ...(await tableTrials(netfilter))].flatMap(([what, code]) =>
        code === undefined ? [] : [[what, code] as const],
      ),
    )
  } finally {
    await Promise.all([rtnl.close(), netfilter?.close()])
    closeSync(fd)
  }
}

function linkTrials(fd: number): readonly (readonly [string, RtnlMessage])[] {
  const mac = MAC ?? ('' as never)
  const veth = {
    kind: 'veth',
    name: 'veth0',
    mtu: 1_400,
    master: '',
    peer: { name: 'v1', mac },
  } as const
  return [
    ['bridges (bridge)', createBridge('br0', macToBytes(mac))],
    ['tunnels (vxlan)', createVxlan(VXLAN, fd)],
    ["containers' links (veth)", createVeth(veth, 0, fd)],
  ]
}

async function tableTrials(
  socket: BatchSocket | undefined,
): Promise<readonly (readonly [string, string | undefined])[]> {
  if (socket === undefined) return TABLES.map(([what]) => [what, 'EPROTONOSUPPORT'])
  const found: (readonly [string, string | undefined])[] = []
  for (const [what, family] of TABLES) {
    const table = newTable({ family, table: 'tsoverlay-trial' }, '')
    found.push([what, await socket.batch(inBatch([table]))])
  }
  return found
}
