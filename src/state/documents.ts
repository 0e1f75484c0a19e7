/**
 * The JSON values behind the keys. Decoding checks every field, as the store may hold what another
 * version wrote; an unreadable value is undefined and never crashes a watcher.
 */
import { type Static, type TSchema, Type } from 'typebox'
import { Compile } from 'typebox/compile'
import { type Cidr, type Ip, parseCidr, parseIp } from '../core/ip.js'
import { type Mac, parseMac } from '../core/mac.js'
import type { Endpoint, Host, LocalEndpoint, Network } from '../core/types.js'

const IpText = Type.Unsafe<Ip>(Type.Refine(Type.String(), (text) => parseIp(text) === text))
const CidrText = Type.Unsafe<Cidr>(Type.Refine(Type.String(), (text) => parseCidr(text) === text))
const MacText = Type.Unsafe<Mac>(Type.Refine(Type.String(), (text) => parseMac(text) === text))

const HostSchema = Type.Object({
  id: Type.String(),
  name: Type.String(),
  vtep: IpText,
  boot: Type.String(),
})

const RangesSchema = Type.Object({
  /** of the host */
  name: Type.String(),
  ranges: Type.Array(
    Type.Object({
      range: CidrText,
      /** for people: a docker network, or a route with its device */
      what: Type.String(),
      /** gateway: docker_gwbridge, which is in the containers of every network with a way out */
      kind: Type.Union([Type.Literal('network'), Type.Literal('gateway'), Type.Literal('route')]),
    }),
  ),
})
/** The address ranges that a host uses itself. */
export type RangesDocument = Static<typeof RangesSchema>

const TroublesSchema = Type.Object({
  name: Type.String(),
  /** name of a network → what is wrong */
  networks: Type.Record(Type.String(), Type.String()),
})
/** The networks that a host cannot have as they should be. */
export type TroublesDocument = Static<typeof TroublesSchema>

const StaticNameSchema = Type.Object({
  /** lower case */
  name: Type.String(),
  addresses: Type.Array(IpText),
})
/** A name that people have given to something that is no container. */
export interface StaticName {
  readonly name: string
  readonly addresses: readonly Ip[]
}

const SubnetSchema = Type.Object({ pool: CidrText, gateway: Type.Optional(CidrText) })

const NetworkSchema = Type.Object({
  key: Type.String(),
  identity: Type.String(),
  space: Type.String(),
  backend: Type.String(),
  segments: Type.Array(Type.Object({ vni: Type.Integer(), subnets: Type.Array(SubnetSchema) })),
  mtu: Type.Optional(Type.Integer()),
  internal: Type.Boolean(),
  sourceCheck: Type.Optional(Type.Boolean()),
  floating: Type.Optional(Type.Array(IpText)),
  dns: Type.Optional(Type.Boolean()),
})

const endpointFields = {
  id: Type.String(),
  network: Type.String(),
  host: Type.String(),
  boot: Type.String(),
  mac: MacText,
  addresses: Type.Array(CidrText),
  floating: Type.Optional(Type.Array(Type.Object({ ip: IpText, turn: Type.Integer() }))),
  names: Type.Optional(Type.Array(Type.String())),
}
const EndpointSchema = Type.Object(endpointFields)

const LocalEndpointSchema = Type.Object({
  ...endpointFields,
  dockerNetwork: Type.String(),
  joined: Type.Boolean(),
  sandboxKey: Type.Optional(Type.String()),
  published: Type.Optional(
    Type.Array(
      Type.Object({
        protocol: Type.Union([Type.Literal('tcp'), Type.Literal('udp'), Type.Literal('sctp')]),
        hostIp: Type.Optional(IpText),
        hostPort: Type.Integer(),
        to: IpText,
        port: Type.Integer(),
      }),
    ),
  ),
})

const PoolSchema = Type.Object({
  pool: CidrText,
  gateway: Type.Optional(CidrText),
  /** prefix length of its blocks; absent in pools of a version without blocks */
  block: Type.Optional(Type.Integer()),
  /** the user gave that length */
  given: Type.Optional(Type.Boolean()),
  /** its blocks are subnets of their own, to which other hosts have routes */
  routed: Type.Optional(Type.Boolean()),
  /** the host whose dockerd allocates in it by itself, from the bottom */
  dockerd: Type.Optional(Type.String()),
})
/** A pool of the address plan; its holders have keys of their own. */
export type PoolDocument = Static<typeof PoolSchema>

const AddressSchema = Type.Object({
  host: Type.String(),
  /** reserved: gateway or auxiliary address, shared by all hosts of the network */
  kind: Type.Union([Type.Literal('endpoint'), Type.Literal('reserved')]),
  /** swarm only: the leader's term in which it was asked for last */
  term: Type.Optional(Type.String()),
})
export type AddressDocument = Static<typeof AddressSchema>

/** Empty but for swarm's: the network that it has bound the pool to. */
const HolderSchema = Type.Object({ network: Type.Optional(Type.String()) })

const BlockSchema = Type.Object({ host: Type.String() })
/** A block of a pool that one host decides on. */
export type BlockDocument = Static<typeof BlockSchema>

const AskSchema = Type.Object({
  from: Type.String(),
  space: Type.String(),
  pool: CidrText,
  kind: AddressSchema.properties.kind,
  /** absent: any address of the owner's, inside subPool if that is given */
  address: Type.Optional(IpText),
  subPool: Type.Optional(CidrText),
  state: Type.Union([Type.Literal('asked'), Type.Literal('granted'), Type.Literal('refused')]),
  granted: Type.Optional(IpText),
  /** `held`, with the endpoint's id if one uses it; `free of it`: not this host's to give */
  why: Type.Optional(Type.String()),
})
/** One host's wish for an address in a block of another; the answer comes in the same key. */
export type AskDocument = Static<typeof AskSchema>

const QuestionSchema = Type.Object({
  from: Type.String(),
  kind: Type.String(),
  params: Type.Unknown(),
  /** of question and answer: both go with it */
  lease: Type.String(),
  /** how long the asker waits (ms) */
  withinMs: Type.Integer(),
})
/** What one host's agent asks another's (core/inquiry.ts). */
export type QuestionDocument = Static<typeof QuestionSchema>

const AnswerSchema = Type.Object({
  /** of the plugin that answers */
  version: Type.String(),
  /** absent: `error` says why */
  says: Type.Optional(Type.Unknown()),
  error: Type.Optional(Type.Object({ code: Type.String(), message: Type.String() })),
})
export type AnswerDocument = Static<typeof AnswerSchema>

const BlockHoldSchema = Type.Object({
  space: Type.String(),
  pool: CidrText,
  block: CidrText,
  /** of a routed pool */
  routed: Type.Optional(Type.Boolean()),
  /** boot in which the held ones were handed out */
  boot: Type.String(),
  /** how many addresses of the block were passed by in the search for one never used */
  passed: Type.Integer(),
  held: Type.Array(IpText),
  /** those of `held` that were asked for by address; absent: it is not known of which */
  asked: Type.Optional(Type.Array(IpText)),
  /** names of the endpoints that had an address last, where dockerd says them */
  names: Type.Optional(Type.Record(Type.String(), Type.String())),
  /**
   * released ones with the number of their release, for the order of reuse; `age`: milliseconds from
   * a release until this was written, where the address waits for its container
   */
  resting: Type.Array(
    Type.Object({ ip: IpText, at: Type.Integer(), age: Type.Optional(Type.Number()) }),
  ),
  /** not ours to hand out: reserved, or lent to another host */
  out: Type.Array(IpText),
})
/** A block of this host, with what it has handed out. */
export type BlockHold = Static<typeof BlockHoldSchema>

const LoanSchema = Type.Object({ space: Type.String(), pool: CidrText, ip: IpText })
/** An address out of another host's block that is this host's in the store; see ipam/loans.ts. */
export type Loan = Static<typeof LoanSchema>

const AttachmentSchema = Type.Object({ dockerNetwork: Type.String() })

const PoolHoldSchema = Type.Object({
  id: Type.String(),
  space: Type.String(),
  pool: CidrText,
  subPool: Type.Optional(CidrText),
  /** the network that uses it; absent between RequestPool and CreateNetwork */
  boundTo: Type.Optional(Type.String()),
  /** key of the network for which network sync asked for it */
  sync: Type.Optional(Type.String()),
  /** the network's backend has routes to blocks */
  routed: Type.Optional(Type.Boolean()),
  /** swarm's leader only: changes whenever it takes its networks over, from another or from itself */
  term: Type.Optional(Type.String()),
})
/** A pool that dockerd got from us on this host. */
export type PoolHold = Static<typeof PoolHoldSchema>

const Texts = Type.Record(Type.String(), Type.String())

const PublicationSchema = Type.Object({
  key: Type.String(),
  name: Type.String(),
  labels: Texts,
  options: Texts,
  ipamOptions: Texts,
  pools: Type.Array(
    Type.Object({
      subnet: CidrText,
      gateway: Type.Optional(IpText),
      ipRange: Type.Optional(CidrText),
      aux: Texts,
    }),
  ),
  internal: Type.Boolean(),
  attachable: Type.Boolean(),
  ipv6: Type.Boolean(),
  /** whose IPAM serves the host that made it; the others always use ours */
  ipam: Type.Union([Type.Literal('tsoverlay'), Type.Literal('docker')]),
  /** it was removed by a user on this host and is going */
  removal: Type.Optional(Type.Object({ host: Type.String(), at: Type.String() })),
  /** the same, while these hosts have containers of it: it goes when none of them has any more */
  unwanted: Type.Optional(
    Type.Object({ host: Type.String(), at: Type.String(), users: Type.Array(Type.String()) }),
  ),
})
/** A network as `docker network create` makes it on every host. */
export type Publication = Static<typeof PublicationSchema>

const BindingSchema = Type.Object({
  dockerNetwork: Type.String(),
  network: NetworkSchema,
  /** who hands out the addresses: us, or dockerd's own IPAM, whose addresses CreateEndpoint claims */
  ipam: Type.Union([Type.Literal('tsoverlay'), Type.Literal('docker'), Type.Literal('swarm')]),
  name: Type.Optional(Type.String()),
  leaving: Type.Optional(Type.Boolean()),
})
/** What this daemon calls a network, and which network of the cluster that is. */
export interface Binding {
  readonly dockerNetwork: string
  readonly network: Network
  readonly ipam: 'tsoverlay' | 'docker' | 'swarm'
  /** its name in docker, once it is published under it: from then on a removal here is one for all */
  readonly name?: string
  /** network sync is removing it here: that is no wish of a user */
  readonly leaving?: boolean
}

const MoveSchema = Type.Object({
  network: Type.String(),
  container: Type.String(),
  name: Type.String(),
  aliases: Type.Array(Type.String()),
  links: Type.Array(Type.String()),
  driverOptions: Texts,
  fixed: Type.Object({ ipv4: Type.Optional(Type.String()), ipv6: Type.Optional(Type.String()) }),
})
/** A container that network sync takes off a network, and how it was connected. */
export interface Move {
  /** the name of the network that it has to be on */
  readonly network: string
  readonly container: string
  /** for people */
  readonly name: string
  readonly aliases: readonly string[]
  readonly links: readonly string[]
  readonly driverOptions: Readonly<Record<string, string>>
  readonly fixed: { readonly ipv4?: string; readonly ipv6?: string }
}

const ChoreSchema = Type.Object({
  id: Type.String(),
  kind: Type.String(),
  subject: Type.String(),
  args: Type.Record(Type.String(), Type.String()),
})
/** Work on the store that is owed until it is done; see outbox.ts. */
export type ChoreDocument = Static<typeof ChoreSchema>

/** One kind of document: how to write it and how to read it back. */
export interface Codec<T> {
  encode(value: T): string
  /** undefined when the text is not a valid document of this kind */
  decode(text: string): T | undefined
}

function codec<T>(schema: TSchema): Codec<T> {
  const validator = Compile(schema)
  return {
    encode: (value) => JSON.stringify(value),
    decode: (text) => {
      const value = parseJson(text)
      return validator.Check(value) ? (value as T) : undefined
    },
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

export const documents = {
  ranges: codec<RangesDocument>(RangesSchema),
  troubles: codec<TroublesDocument>(TroublesSchema),
  staticName: codec<StaticName>(StaticNameSchema),
  host: codec<Host>(HostSchema),
  network: codec<Network>(NetworkSchema),
  endpoint: codec<Endpoint>(EndpointSchema),
  localEndpoint: codec<LocalEndpoint>(LocalEndpointSchema),
  pool: codec<PoolDocument>(PoolSchema),
  address: codec<AddressDocument>(AddressSchema),
  holder: codec<Static<typeof HolderSchema>>(HolderSchema),
  block: codec<BlockDocument>(BlockSchema),
  ask: codec<AskDocument>(AskSchema),
  question: codec<QuestionDocument>(QuestionSchema),
  answer: codec<AnswerDocument>(AnswerSchema),
  blockHold: codec<BlockHold>(BlockHoldSchema),
  loan: codec<Loan>(LoanSchema),
  attachment: codec<Static<typeof AttachmentSchema>>(AttachmentSchema),
  poolHold: codec<PoolHold>(PoolHoldSchema),
  binding: codec<Binding>(BindingSchema),
  publication: codec<Publication>(PublicationSchema),
  move: codec<Move>(MoveSchema),
  chore: codec<ChoreDocument>(ChoreSchema),
} as const
