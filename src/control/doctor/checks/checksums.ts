/**
 * Packets with wrong checksums that containers here were sent: a NIC that computes those inside of VXLAN
 * wrongly. It shows where they arrive, so nothing has to be known of NICs.
 */
import { basename } from 'node:path'
import type { Checksums } from '../../../core/host-looks.js'
import type { Dataplane } from '../../../core/ports.js'
import type { Journal } from '../../../state/journal.js'
import { type Check, type Found, orOk, warning } from '../check.js'

const MANY = 10
const SHARE = 0.001

export interface ChecksumFacts extends Checksums {
  /** of the container: its first name, else its endpoint's id */
  readonly container: string
}

export interface ChecksumsParts {
  readonly dataplane: Pick<Dataplane, 'checksums'>
  readonly journal: Pick<Journal, 'endpoints'>
}

export function checksumsCheck({ dataplane, journal }: ChecksumsParts): Check {
  return {
    name: 'checksums',
    look: async () => {
      const facts = [...journal.endpoints.values()].flatMap(({ id, names, sandboxKey }) => {
        const counters =
          sandboxKey === undefined ? undefined : dataplane.checksums(basename(sandboxKey))
        return counters === undefined
          ? []
          : [{ ...counters, container: names?.[0] ?? id.slice(0, 12) }]
      })
      return judgeChecksums(facts)
    },
  }
}

export function judgeChecksums(facts: readonly ChecksumFacts[]): readonly Found[] {
  const found = facts
    .filter(({ received, wrong }) => wrong >= MANY && wrong > SHARE * received)
    .map(({ container, received, wrong }) =>
      warning(
        `container ${container}`,
        `${wrong} of ${received + wrong} packets came with a wrong checksum: the NIC of a host that sends them computes those inside of VXLAN wrongly`,
        'on the sending host: ethtool -K DEVICE tx-checksum-ip-generic off (DEVICE: its underlay, as in tsoverlay status)',
      ),
    )
  return orOk(found, 'no container was sent packets with wrong checksums')
}
