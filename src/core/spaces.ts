/** Address spaces that nobody named: each network without a name has one of its own. */
import { randomBytes } from 'node:crypto'

/**
 * A rendezvous name that no user types: the network's identity, and the address space of its subnets.
 * Former versions take it for a name that a user gave.
 */
export function freshSpace(): string {
  return `auto.${randomBytes(8).toString('hex')}`
}

/** Whether the space is one of freshSpace. */
export function isFresh(space: string): boolean {
  return /^auto\.[0-9a-f]{16}$/.test(space)
}
