/** Text fields of a body to core's types. `name` is the field as moby writes it, for the message. */
import { TsoverlayError } from '../core/errors.js'
import { type Cidr, type Family, familyOf, type Ip, parseCidr, parseIp } from '../core/ip.js'
import { type Mac, parseMac } from '../core/mac.js'

type Text = string | undefined

/**
 * @returns undefined for an absent or empty field, else the address with its length, host bits kept
 * @throws TsoverlayError REQUEST_INVALID for anything else, or for the other family
 */
export function cidrField(name: string, text: Text, family?: Family): Cidr | undefined {
  if (text === undefined || text === '') return undefined
  const cidr = parseCidr(text)
  if (cidr !== undefined && (family === undefined || familyOf(cidr) === family)) return cidr
  throw invalid(name, text, `an ${family === undefined ? 'IP' : `IPv${family}`} address/length`)
}

/**
 * @returns undefined for an absent or empty field
 * @throws TsoverlayError REQUEST_INVALID when the text is no IP address
 */
export function ipField(name: string, text: Text): Ip | undefined {
  if (text === undefined || text === '') return undefined
  return requiredIp(name, text)
}

/** @throws TsoverlayError REQUEST_INVALID when the text is no IP address, or empty */
export function requiredIp(name: string, text: string): Ip {
  const ip = parseIp(text)
  if (ip === undefined) throw invalid(name, text, 'an IP address')
  return ip
}

/**
 * @returns undefined for an absent or empty field
 * @throws TsoverlayError REQUEST_INVALID when the text is no unicast Ethernet address
 */
export function macField(name: string, text: Text): Mac | undefined {
  if (text === undefined || text === '') return undefined
  const mac = parseMac(text)
  if (mac === undefined) throw invalid(name, text, 'a unicast Ethernet address (02:42:0a:14:00:05)')
  return mac
}

function invalid(name: string, text: string, allowed: string): TsoverlayError {
  const shown = JSON.stringify(text.slice(0, 80))
  return new TsoverlayError('REQUEST_INVALID', `${name} is ${shown}, but must be ${allowed}`)
}
