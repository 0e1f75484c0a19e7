/** The two address spaces that dockerd is told of; in a swarm the global one is the leader's. */
import { TsoverlayError } from '../core/errors.js'

export const LOCAL_ADDRESS_SPACE = 'tsoverlay-local'
export const GLOBAL_ADDRESS_SPACE = 'tsoverlay-global'

/** @throws TsoverlayError REQUEST_INVALID for what GetDefaultAddressSpaces did not name */
export function checkAddressSpace(name: string): void {
  if (name === LOCAL_ADDRESS_SPACE || name === GLOBAL_ADDRESS_SPACE) return
  throw new TsoverlayError(
    'REQUEST_INVALID',
    `AddressSpace is ${JSON.stringify(name.slice(0, 80))}, but must be ${LOCAL_ADDRESS_SPACE} or ${GLOBAL_ADDRESS_SPACE}`,
  )
}
