/** The `--ipam-opt` options. */
import type { Options } from '../core/driver.js'
import { checkRendezvous, RENDEZVOUS_OPTION, refuseUnknown, SYNC_OPTION } from '../core/options.js'

import { BLOCK_OPTION } from './block-size.js'

/** Swarm adds it to everything it asks; the user never sets it. */
const SERIAL_OPTION = 'com.docker.network.ipam.serial'
const KNOWN: readonly string[] = [RENDEZVOUS_OPTION, BLOCK_OPTION]
const SILENT: readonly string[] = [SERIAL_OPTION, SYNC_OPTION]

/**
 * The address space that the options name; empty for the shared one.
 * @throws TsoverlayError OPTION_UNKNOWN, OPTION_INVALID
 */
export function spaceOf(options: Options): string {
  refuseUnknown('--ipam-opt', Object.keys(options), KNOWN, SILENT)
  return checkRendezvous('--ipam-opt', options[RENDEZVOUS_OPTION])
}
