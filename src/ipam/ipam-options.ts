/** The `--ipam-opt` options. */
import type { Options } from '../core/driver.js'
import { checkRendezvous, RENDEZVOUS_OPTION, unknownOption } from '../core/options.js'

/** Swarm adds it to everything it asks; the user never sets it. */
const SERIAL_OPTION = 'com.docker.network.ipam.serial'

/**
 * The address space that the options name; empty for the shared one.
 * @throws TsoverlayError OPTION_UNKNOWN, OPTION_INVALID
 */
export function spaceOf(options: Options): string {
  for (const name of Object.keys(options)) {
    if (name !== RENDEZVOUS_OPTION && name !== SERIAL_OPTION) {
      throw unknownOption('--ipam-opt', name, [RENDEZVOUS_OPTION])
    }
  }
  return checkRendezvous('--ipam-opt', options[RENDEZVOUS_OPTION])
}
