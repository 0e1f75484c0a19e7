/** One given address for a container (`--ip`, dockerd's own IPAM), from wherever it can be had soonest. */
import { untilAborted } from '../core/deadline.js'
import type { Outbox } from '../state/outbox.js'
import type { AddressBook, Claim } from './address-book.js'
import { addressSubject } from './subjects.js'

/**
 * What this host has is given at once, whatever it owes the store: dockerd asks once, and a container
 * that is refused stays down. Only a return that the store may have seen already has to end first.
 * @throws TsoverlayError as AddressBook.claim, DEADLINE_EXCEEDED
 */
export async function claimWanted(
  book: AddressBook,
  outbox: Pick<Outbox, 'settled'>,
  claim: Claim,
  signal: AbortSignal,
): Promise<void> {
  if (await book.claimNow(claim)) return
  const settled = outbox.settled(addressSubject(claim, claim.ip))
  await untilAborted(settled, signal, `etcd, which has to end the release of ${claim.ip} first,`)
  await book.claim(claim, signal)
}
