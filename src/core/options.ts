/** What the options of a network (`-o`) and of its IPAM (`--ipam-opt`) have in common. */
import { TsoverlayError } from './errors.js'

/** The rendezvous name: networks of the same name on different daemons are one. */
export const RENDEZVOUS_OPTION = 'network'

/** `--ipam-opt` of network sync: the store key of the network that it creates on this host. */
export const SYNC_OPTION = 'sync'

/**
 * Names every unknown option at once, so that nobody has to try them one by one.
 * @param known options that may stand there; those of `silent` too, but nobody needs to hear of them
 * @throws TsoverlayError OPTION_UNKNOWN
 */
export function refuseUnknown(
  flag: string,
  names: readonly string[],
  known: readonly string[],
  silent: readonly string[] = [],
): void {
  const unknown = names.filter((name) => !known.includes(name) && !silent.includes(name)).sort()
  if (unknown.length === 0) return
  const options = unknown.map((name) => `${flag} ${name}`).join(', ')
  const are = unknown.length === 1 ? `option ${options} is` : `options ${options} are`
  throw new TsoverlayError('OPTION_UNKNOWN', `${are} not known: allowed are ${known.join(', ')}`)
}

export function invalidOption(
  flag: string,
  name: string,
  value: string,
  allowed: string,
): TsoverlayError {
  return new TsoverlayError(
    'OPTION_INVALID',
    `option ${flag} ${name}=${value} is not valid: allowed is ${allowed}`,
  )
}

/**
 * Checks a rendezvous name, which becomes part of store keys.
 * @returns the name, empty when none was given
 * @throws TsoverlayError OPTION_INVALID
 */
export function checkRendezvous(flag: string, name: string | undefined): string {
  if (name === undefined) return ''
  if (/^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/.test(name)) return name
  throw invalidOption(
    flag,
    RENDEZVOUS_OPTION,
    name,
    '1 to 128 letters, digits, "_", "." and "-", beginning with a letter or digit',
  )
}
