/** Drivers that record each call and give what a test tells them to, and a logger that keeps lines. */
import type { IpamDriver, NetworkDriver } from '../../src/core/driver.js'
import { type Cidr, type Ip, parseCidr, parseIp } from '../../src/core/ip.js'
import { type Mac, parseMac } from '../../src/core/mac.js'
import type { Logger } from '../../src/core/ports.js'

export interface Call {
  readonly method: string
  readonly args: readonly unknown[]
  readonly signal: AbortSignal | undefined
}

type Behaviour = (signal: AbortSignal) => unknown

/** What both fakes share: the calls so far, and what the next calls of a method do instead. */
export class Recorder {
  readonly calls: Call[] = []
  readonly #behaviours = new Map<string, Behaviour>()

  /** From now on `method` does this; undefined = its ordinary answer. */
  behave(method: string, behaviour: Behaviour): void {
    this.#behaviours.set(method, behaviour)
  }

  async answer<T>(method: string, args: readonly unknown[], ordinary: T): Promise<T> {
    const signal = args.find((arg) => arg instanceof AbortSignal)
    this.calls.push({ method, args: args.filter((arg) => arg !== signal), signal })
    const behaviour = this.#behaviours.get(method)
    if (behaviour === undefined) return ordinary
    return (await behaviour(signal ?? new AbortController().signal)) as T
  }
}

export function fakeNetwork(
  recorder: Recorder,
  scope: 'local' | 'global' = 'local',
): NetworkDriver {
  return {
    scope,
    allocateNetwork: (...args) => recorder.answer('allocateNetwork', args, { vni: '4097' }),
    freeNetwork: (...args) => recorder.answer('freeNetwork', args, undefined),
    createNetwork: (...args) => recorder.answer('createNetwork', args, undefined),
    deleteNetwork: (...args) => recorder.answer('deleteNetwork', args, undefined),
    createEndpoint: (...args) =>
      recorder.answer('createEndpoint', args, { mac: mac('02:42:0a:14:00:05') }),
    endpointInfo: (...args) => recorder.answer('endpointInfo', args, { vtep: '192.0.2.1' }),
    deleteEndpoint: (...args) => recorder.answer('deleteEndpoint', args, undefined),
    join: (...args) =>
      recorder.answer('join', args, {
        sourceName: 'veth1a2b3c4',
        namePrefix: 'eth',
        routes: [
          { destination: cidr('10.21.0.0/16'), nextHop: ip('10.20.0.1') },
          { destination: cidr('10.22.0.0/16') },
        ],
      }),
    publish: (...args) => recorder.answer('publish', args, undefined),
    unpublish: (...args) => recorder.answer('unpublish', args, undefined),
    leave: (...args) => recorder.answer('leave', args, undefined),
  }
}

export function fakeIpam(recorder: Recorder): IpamDriver {
  return {
    localAddressSpace: 'local-space',
    globalAddressSpace: 'global-space',
    requestPool: (...args) =>
      recorder.answer('requestPool', args, { id: 'pool-1', pool: cidr('10.20.0.9/16') }),
    releasePool: (...args) => recorder.answer('releasePool', args, undefined),
    requestAddress: (...args) => recorder.answer('requestAddress', args, cidr('10.20.0.5/16')),
    releaseAddress: (...args) => recorder.answer('releaseAddress', args, undefined),
  }
}

export interface Line {
  readonly level: keyof Logger
  readonly message: string
  readonly fields: Readonly<Record<string, unknown>>
}

export function fakeLogger(lines: Line[]): Logger {
  const at = (level: keyof Logger) => (fields: object, message: string) => {
    lines.push({ level, message, fields: { ...fields } })
  }
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}

export function ip(text: string): Ip {
  return known(parseIp(text), text)
}

export function cidr(text: string): Cidr {
  return known(parseCidr(text), text)
}

export function mac(text: string): Mac {
  return known(parseMac(text), text)
}

function known<T>(value: T | undefined, text: string): T {
  if (value === undefined) throw new Error(`the test's ${text} does not parse`)
  return value
}
