import { Type } from 'typebox'
import { count, oneOf, type Report, text, texts, yesNo } from './schema.js'

/** Where the host has the files of namespaces. */
export const NETNS_FOLDER = '/run/docker/netns'

/** The other end of a veth pair. */
const PeerReport = Type.Object({
  index: count('ifindex there; unique in its namespace only'),
  namespace: Type.Optional(text('where it is; absent: nowhere that has a file')),
  name: Type.Optional(text('its name there')),
})

const LinkFields = {
  index: count('ifindex; unique in its namespace only'),
  name: Type.String(),
  kind: text('bridge, vxlan, veth, …; empty for lo and most hardware'),
  mac: Type.Optional(Type.String()),
  mtu: count('bytes'),
  up: yesNo('set up by people and programs'),
  carrier: yesNo('frames go through'),
  master: Type.Optional(text('the bridge that it is a port of')),
  addresses: texts('with their prefix lengths'),
  vxlan: Type.Optional(
    Type.Object({
      vni: count('of its packets'),
      port: count('UDP port'),
      local: Type.Optional(text('source address of its packets')),
    }),
  ),
  port: Type.Optional(
    Type.Object({
      state: text("the bridge's: forwarding, disabled, …"),
      learns: yesNo('it learns MACs'),
      floods: yesNo('it gets what is unknown'),
    }),
  ),
  peer: Type.Optional(PeerReport),
}
const LinkReport = Type.Object(LinkFields)
export type LinkReport = Report<typeof LinkReport>

export const NAMESPACE_KINDS = [
  'host',
  'container',
  'network',
  'docker',
  'ingress',
  'stale',
  'unknown',
] as const

/** A network namespace of this host, in GET /namespaces. */
export const NamespaceReport = Type.Object({
  name: text('`host`, or that of its file'),
  aliases: texts('other files of the same namespace'),
  path: text('its file; empty for the host’s own'),
  inode: count('its number in the kernel; 0: none'),
  kind: oneOf(
    NAMESPACE_KINDS,
    "whose it is: `network` is a sandbox of ours, `docker` and `ingress` are Docker's own, `stale` nobody's, `unknown` where dockerd did not say",
  ),
  owner: text('in words'),
  containers: Type.Array(
    Type.Object({
      id: Type.String(),
      name: Type.String(),
      networks: texts('what docker calls those that it is on'),
    }),
    { description: 'those that are in it' },
  ),
  network: Type.Optional(text('name of the network that it is of')),
  networkId: Type.Optional(text("Docker's id of that network")),
  links: Type.Array(LinkReport),
  problem: Type.Optional(text('why its links could not be read')),
})
export type NamespaceReport = Report<typeof NamespaceReport>
export const NamespaceReports = Type.Array(NamespaceReport)

/** A link of any namespace, in GET /links. */
const LinkRow = Type.Object({
  ...LinkFields,
  namespace: text('as GET /namespaces has it'),
  owner: text('whose the namespace is'),
  network: Type.Optional(text('the network of ours that it is of')),
})
export type LinkRow = Report<typeof LinkRow>

/** What leads to another host. */
const WayReport = Type.Object({
  network: text('name of the network'),
  namespace: Type.String(),
  dev: text('the device: a vxlan device, or that of the host'),
  to: text('the VTEP, or the gateway'),
  host: text('name of the host that has it; empty: none of the cluster'),
  carries: texts('MACs, or ranges of addresses'),
})
export type WayReport = Report<typeof WayReport>

/** GET /links */
export const LinksReport = Type.Object({
  links: Type.Array(LinkRow),
  ways: Type.Array(WayReport, { description: 'empty where they were not asked for' }),
})
export type LinksReport = Report<typeof LinksReport>
