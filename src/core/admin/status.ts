import { Type } from 'typebox'
import { count, type Report, text, texts, yesNo } from './schema.js'

const HostStatus = Type.Object({
  id: text('stable id of the host'),
  name: text('its hostname'),
  boot: text('changes with each boot'),
  vtep: Type.Optional(text('its underlay address')),
  mtu: Type.Optional(count('of the underlay, in bytes')),
  problem: Type.Optional(text('why there is no underlay')),
})

/** A network of this host. */
export const NetworkStatus = Type.Object({
  id: text("Docker's id of it on this host"),
  key: text("the network's key in the store"),
  identity: text("what ties the hosts' networks together"),
  name: text('its name in docker; empty where network sync has not published it'),
  backend: text('how its packets travel'),
  sandbox: text("file of its namespace, or `host` for the host's own"),
  vnis: Type.Array(Type.Integer(), { description: 'one per segment' }),
  subnets: texts('its pools'),
  endpoints: count("this host's containers' attachments"),
  floating: texts('addresses that containers of this host have by announcing them'),
  published: texts(
    'ports of this host that lead to them; those of docker_gwbridge are Docker’s own',
  ),
  blocks: count('blocks of the subnets that this host decides on'),
  held: texts('addresses that it has handed out of them'),
  peers: count("other hosts' endpoints, or blocks where the backend has routes to them"),
  parted: texts(
    'hosts that this one cannot send to: with a VTEP of the other address family, or with a router between, where the backend has no tunnel',
  ),
  synced: yesNo('its peers are known'),
})
export type NetworkStatus = Report<typeof NetworkStatus>

/** This host, in GET /status. */
export const StatusReport = Type.Object({
  host: HostStatus,
  store: Type.Object({
    reached: yesNo("the store takes this host's announcement"),
    owed: count('changes that the store does not know yet'),
  }),
  networks: Type.Array(NetworkStatus),
  kernel: Type.Object({
    passes: count('passes of the reconciler'),
    written: count('kernel writes'),
    drift: count('kernel objects found changed by others, and repaired'),
    failures: count('kernel writes that were refused'),
  }),
  admission: Type.Object({
    inForce: yesNo('VXLAN packets of strangers are dropped'),
    problem: Type.Optional(text('why not')),
  }),
  misses: Type.Object({
    known: count('l3miss notices for an address that a peer has'),
    unknown: count('l3miss notices for an address that nobody has'),
  }),
  names: Type.Optional(
    Type.Object(
      {
        namespaces: count('containers whose questions are answered here'),
        questions: count('questions for names'),
        answered: count('of names that the cluster knows'),
        passed: count("passed on to Docker's resolver"),
        lost: count("not answered by Docker's resolver"),
        faults: count('failures in answering'),
      },
      { description: 'absent: nobody answers names here' },
    ),
  ),
  conflicts: Type.Array(Type.Object({ endpoint: Type.String(), problem: Type.String() }), {
    description: "containers whose address is another host's in the store",
  }),
  problems: Type.Array(
    Type.Object({
      part: text('the part of the program that says so'),
      about: text('a host, a network, a container'),
      problem: text('what is wrong and what to do'),
    }),
  ),
  sync: Type.Optional(
    Type.Object(
      {
        docker: yesNo("dockerd's events arrive"),
        problems: Type.Array(Type.Object({ network: Type.String(), problem: Type.String() })),
      },
      { description: 'absent: network sync is off' },
    ),
  ),
})
export type StatusReport = Report<typeof StatusReport>
