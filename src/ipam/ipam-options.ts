/** The `--ipam-opt` options. */
import type { Options } from '../core/driver.js'
import { checkRendezvous, RENDEZVOUS_OPTION, unknownOption } from '../core/options.js'

import { BLOCK_OPTION } from './block-size.js'

/** Swarm adds it to everything it asks; the user never sets it. */
const SERIAL_OPTION = 'com.docker.network.ipam.serial'
const KNOWN: readonly string[] = [RENDEZVOUS_OPTION, BLOCK_OPTION]

/**
 * The address space that the options name; empty for the shared one.
 * @throws TsoverlayError OPTION_UNKNOWN, OPTION_INVALID
 */
export function spaceOf(options: Options): string {
  for (const name of Object.keys(options)) {
    if (!KNOWN.includes(name) && name !== SERIAL_OPTION) {
      throw unknownOption('--ipam-opt', name, KNOWN)
    }
  }
  return checkRendezvous('--ipam-opt', options[RENDEZVOUS_OPTION])
}
