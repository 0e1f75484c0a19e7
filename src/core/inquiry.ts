/**
 * What one host's agent may ask another's: a fixed list, each kind only reads, and both sides check
 * parameters and answers. docs/security.md tells who may ask.
 */
import { type TSchema, Type } from 'typebox'
import { Finding } from './admin/doctor.js'
import { LiveHop, LiveReport } from './admin/live.js'
import { count, oneOf, type Report, text, texts, yesNo } from './admin/schema.js'
import { Hop, TraceReport } from './admin/trace.js'
import { TrafficReport } from './admin/traffic.js'
import { MOST_PROBES } from './live.js'

interface Inquiry {
  readonly params: TSchema
  readonly answer: TSchema
}

const Load = {
  protocol: Type.Union([Type.Literal('tcp'), Type.Literal('udp'), Type.Literal('icmp')]),
  port: Type.Optional(count('destination port')),
}

const LiveLoad = {
  protocol: Type.Union([Type.Literal('tcp'), Type.Literal('icmp')]),
  port: Type.Optional(Type.Integer({ minimum: 1, maximum: 65_535 })),
}
const Mark = Type.String({ pattern: '^[0-9a-f]{16}$', description: 'of the probes' })

/** An entry in this list is all that a new kind needs, besides who answers (`Inquiries.on`). */
export const INQUIRIES = {
  about: {
    params: Type.Object({}),
    answer: Type.Object({
      version: text('of the plugin'),
      time: Type.Number({ description: 'what its clock shows, in milliseconds since 1970' }),
    }),
  },
  doctor: {
    params: Type.Object({}),
    answer: Type.Object({ findings: Type.Array(Finding) }),
  },
  reflect: {
    params: Type.Object({
      forMs: Type.Integer({
        minimum: 0,
        maximum: 30_000,
        description: 'how long probes are heard',
      }),
    }),
    answer: Type.Object({ networks: texts('keys of those whose probes are heard now') }),
  },
  heard: {
    params: Type.Object({
      network: text("the network's key"),
      marks: Type.Array(Type.String(), { maxItems: 64, description: 'of probes' }),
    }),
    answer: Type.Object({
      listens: yesNo('probes of the network are heard here'),
      heard: texts('those of the marks that have arrived'),
      refusals: Type.Array(
        Type.Object({
          way: oneOf(['in', 'out'], 'as the asked host sees it'),
          table: Type.String(),
          chain: Type.String(),
        }),
        {
          description: 'what refuses VXLAN packets of the asker here',
        },
      ),
      dev: text("this host's underlay device; empty: not known"),
      mtu: Type.Integer({ description: 'its MTU; 0: not known' }),
    }),
  },
  /** Trace a path that begins at a container of the asked host. */
  trace: {
    params: Type.Object({ from: Type.String(), to: Type.String(), ...Load }),
    answer: TraceReport,
  },
  /** The second half of a path, which ends at a container of the asked host, and the way back. */
  arrival: {
    params: Type.Object({
      network: text("the network's key"),
      ip: text('of the container that is asked for'),
      host: text('id of the host that sends'),
      from: text('address of the container that sends'),
      mac: text('its MAC'),
      name: text('its name'),
      mtu: Type.Optional(count('of its interface')),
      ...Load,
    }),
    answer: Type.Object({
      hops: Type.Array(Hop),
      back: Type.Array(Hop),
      mac: Type.Optional(text("of the host's device on the underlay")),
      mtu: Type.Optional(count("of the container's interface")),
      range: Type.Optional(text('of a routed network: the block that has the address')),
    }),
  },
  /** Send probes from a container of the asked host, and count where they are heard. */
  live: {
    params: Type.Object({
      from: Type.String(),
      to: Type.String(),
      ...LiveLoad,
      count: Type.Integer({ minimum: 1, maximum: MOST_PROBES, description: 'probes' }),
    }),
    answer: LiveReport,
  },
  /** Hear probes of a mark on their way to a container of the asked host, and its answers. */
  overhear: {
    params: Type.Object({
      network: text("the network's key"),
      ip: text('of the container that they are sent to'),
      from: text('address of the container that sends'),
      mac: text('its MAC'),
      name: text('its name'),
      ...LiveLoad,
      mark: Mark,
      tunnelled: yesNo('they come in VXLAN'),
      forMs: Type.Integer({ minimum: 0, maximum: 10_000, description: 'how long they are heard' }),
    }),
    answer: Type.Object({ listens: yesNo('the container is here, and ears are open') }),
  },
  /** What was heard since; the ears are closed. */
  overheard: {
    params: Type.Object({ mark: Mark }),
    answer: Type.Object({ hops: Type.Array(LiveHop) }),
  },
  /** Whether the asked host has a container of a name, in whatever state. */
  container: {
    params: Type.Object({ name: Type.String() }),
    answer: Type.Object({
      status: Type.Optional(text('as docker says it; absent: there is none')),
      networks: texts('what docker calls its networks'),
      joined: texts('keys of the networks of ours that it is on now'),
      addresses: texts('in these networks'),
    }),
  },
  /** What the asked host's containers have received and sent, by its clock. */
  traffic: { params: Type.Object({}), answer: TrafficReport },
} as const satisfies Readonly<Record<string, Inquiry>>

export type InquiryKind = keyof typeof INQUIRIES
export type Params<K extends InquiryKind> = Report<(typeof INQUIRIES)[K]['params']>
export type Answer<K extends InquiryKind> = Report<(typeof INQUIRIES)[K]['answer']>

/** Undefined for a kind of another version. */
export function inquiryOf(kind: string): Inquiry | undefined {
  return Object.hasOwn(INQUIRIES, kind) ? INQUIRIES[kind as InquiryKind] : undefined
}
