/** The `-o` options of a network. */
import { backendsThat, DEFAULT_BACKEND, resolveBackend } from '../../backends/index.js'
import { FLOATING, SOURCE_CHECK, VNIS } from '../../backends/options.js'
import type { Options } from '../../core/driver.js'
import { TsoverlayError } from '../../core/errors.js'
import {
  checkRendezvous,
  invalidOption,
  RENDEZVOUS_OPTION,
  refuseUnknown,
} from '../../core/options.js'
import type { Backend } from '../../core/ports.js'
import { LAST_VNI } from '../../state/network-repository.js'

const BACKEND_OPTION = 'backend'
const MTU_OPTION = 'com.docker.network.driver.mtu'
const DNS_OPTION = 'dns'

export interface NetworkOptions {
  readonly backend: string
  /** those of its backend alone that were given */
  readonly own?: Readonly<Record<string, string>>
  /** rendezvous name, empty when none is given */
  readonly name: string
  /** MTU of the containers' interfaces, bytes */
  readonly mtu?: number
  /** false: containers may use MACs and addresses that are not theirs */
  readonly sourceCheck?: boolean
  /** true: a container that announces an auxiliary address of the network gets it */
  readonly floating?: boolean
  /** false: no names across hosts */
  readonly dns?: boolean
  /** one per segment, in the order of their subnets; empty when the user leaves the choice to us */
  readonly vnis: readonly number[]
}

/** @throws TsoverlayError OPTION_UNKNOWN, OPTION_INVALID, VNI_INVALID */
export function parseNetworkOptions(options: Options): NetworkOptions {
  const backend = resolveBackend(options[BACKEND_OPTION] ?? DEFAULT_BACKEND)
  refuseOthers(Object.keys(options), backend)
  const mtu = options[MTU_OPTION]
  const sourceCheck = options[SOURCE_CHECK]
  const floating = options[FLOATING]
  const dns = options[DNS_OPTION]
  return {
    name: checkRendezvous('-o', options[RENDEZVOUS_OPTION]),
    vnis: parseVnis(options[VNIS]),
    backend: backend.name,
    ...ownOptions(options, backend),
    ...(mtu === undefined ? {} : { mtu: parseMtu(mtu) }),
    ...(sourceCheck === undefined ? {} : { sourceCheck: parseSwitch(SOURCE_CHECK, sourceCheck) }),
    ...(floating === undefined ? {} : { floating: parseSwitch(FLOATING, floating) }),
    ...(dns === undefined ? {} : { dns: parseSwitch(DNS_OPTION, dns) }),
  }
}

/**
 * Options that nobody knows, and those of other backends, which would be without effect.
 * @throws TsoverlayError OPTION_UNKNOWN, OPTION_INVALID
 */
function refuseOthers(names: readonly string[], backend: Backend): void {
  const allowed = knownTo(backend)
  const stray = names.find((name) => !allowed.includes(name) && backendsWith(name).length > 0)
  if (stray !== undefined) {
    throw new TsoverlayError(
      'OPTION_INVALID',
      `option -o ${stray} is of backend ${backendsWith(stray).join(' and ')}, and this network's is ${backend.name}: allowed are ${allowed.join(', ')}`,
    )
  }
  refuseUnknown('-o', names, allowed)
}

function knownTo({ takes, options }: Backend): readonly string[] {
  const own = [...takes, ...options.map(({ name }) => name)]
  const order = [SOURCE_CHECK, FLOATING, DNS_OPTION, MTU_OPTION, VNIS]
  const common = order.filter((name) => ALWAYS.includes(name) || own.includes(name))
  return [BACKEND_OPTION, RENDEZVOUS_OPTION, ...options.map(({ name }) => name), ...common]
}

const ALWAYS: readonly string[] = [DNS_OPTION, MTU_OPTION]

function backendsWith(option: string): readonly string[] {
  return backendsThat(({ takes, options }) =>
    [...takes, ...options.map(({ name }) => name)].includes(option),
  )
}

/** @throws TsoverlayError OPTION_INVALID */
function ownOptions(options: Options, backend: Backend): Pick<NetworkOptions, 'own'> {
  const given = backend.options.flatMap(({ name, values }) => {
    const value = options[name]
    if (value === undefined) return []
    if (!values.includes(value)) throw invalidOption('-o', name, value, values.join(' or '))
    return [[name, value] as const]
  })
  return given.length === 0 ? {} : { own: Object.fromEntries(given) }
}

function parseMtu(text: string): number {
  if (/^\d{1,5}$/.test(text)) return Number(text)
  throw invalidOption('-o', MTU_OPTION, text, 'a number of bytes')
}

function parseSwitch(option: string, text: string): boolean {
  if (text === 'on' || text === 'off') return text === 'on'
  throw invalidOption('-o', option, text, 'on or off')
}

function parseVnis(text: string | undefined): number[] {
  if (text === undefined) return []
  const vnis = text.split(',').map((part) => (/^\d{1,8}$/.test(part.trim()) ? Number(part) : 0))
  const bad = vnis.findIndex((vni) => vni < 1 || vni > LAST_VNI)
  if (bad >= 0 || new Set(vnis).size < vnis.length) {
    const what = bad >= 0 ? `"${text.split(',')[bad]}" is not a VNI` : 'a VNI stands there twice'
    throw new TsoverlayError(
      'VNI_INVALID',
      `option -o ${VNIS}=${text} is not valid: ${what}; allowed are numbers from 1 to ${LAST_VNI}, one per subnet, comma separated`,
    )
  }
  return vnis
}

/** @throws TsoverlayError VNI_INVALID when there are not as many VNIs as segments */
export function checkVniCount(vnis: readonly number[], segments: number): void {
  if (vnis.length === 0 || vnis.length === segments) return
  throw new TsoverlayError(
    'VNI_INVALID',
    `option -o ${VNIS}=${vnis.join(',')} is not valid: this network needs ${segments} VNI(s), one per subnet, or 1 for all when it has IPv4 and IPv6`,
  )
}
