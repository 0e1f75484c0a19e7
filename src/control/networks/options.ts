/** The `-o` options of a network. */
import type { Options } from '../../core/driver.js'
import { TsoverlayError } from '../../core/errors.js'
import {
  checkRendezvous,
  invalidOption,
  RENDEZVOUS_OPTION,
  refuseUnknown,
} from '../../core/options.js'
import { LAST_VNI } from '../../state/network-repository.js'

const BACKEND_OPTION = 'backend'
const MTU_OPTION = 'com.docker.network.driver.mtu'
export const VNI_OPTION = 'com.docker.network.driver.overlay.vxlanid_list'
const SOURCE_CHECK_OPTION = 'source-check'
export const FLOATING_OPTION = 'floating'
const DNS_OPTION = 'dns'
const KNOWN = [
  BACKEND_OPTION,
  RENDEZVOUS_OPTION,
  SOURCE_CHECK_OPTION,
  FLOATING_OPTION,
  DNS_OPTION,
  MTU_OPTION,
  VNI_OPTION,
]

export interface NetworkOptions {
  readonly backend?: string
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
  refuseUnknown('-o', Object.keys(options), KNOWN)
  const backend = options[BACKEND_OPTION]
  const mtu = options[MTU_OPTION]
  const sourceCheck = options[SOURCE_CHECK_OPTION]
  const floating = options[FLOATING_OPTION]
  const dns = options[DNS_OPTION]
  return {
    name: checkRendezvous('-o', options[RENDEZVOUS_OPTION]),
    vnis: parseVnis(options[VNI_OPTION]),
    ...(backend === undefined ? {} : { backend }),
    ...(mtu === undefined ? {} : { mtu: parseMtu(mtu) }),
    ...(sourceCheck === undefined
      ? {}
      : { sourceCheck: parseSwitch(SOURCE_CHECK_OPTION, sourceCheck) }),
    ...(floating === undefined ? {} : { floating: parseSwitch(FLOATING_OPTION, floating) }),
    ...(dns === undefined ? {} : { dns: parseSwitch(DNS_OPTION, dns) }),
  }
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
      `option -o ${VNI_OPTION}=${text} is not valid: ${what}; allowed are numbers from 1 to ${LAST_VNI}, one per subnet, comma separated`,
    )
  }
  return vnis
}

/** @throws TsoverlayError VNI_INVALID when there are not as many VNIs as segments */
export function checkVniCount(vnis: readonly number[], segments: number): void {
  if (vnis.length === 0 || vnis.length === segments) return
  throw new TsoverlayError(
    'VNI_INVALID',
    `option -o ${VNI_OPTION}=${vnis.join(',')} is not valid: this network needs ${segments} VNI(s), one per subnet, or 1 for all when it has IPv4 and IPv6`,
  )
}
