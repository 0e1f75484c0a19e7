/** What a namespace of ours is to do with packets: its sysctls. */
import { familyOf } from '../../core/ip.js'
import type { Plan } from '../../core/plan.js'
import { failureOf, type TableResult } from '../failure.js'
import { repairSysctls } from '../places/netns.js'
import { type KernelTable, NOTHING, type Scope } from './kernel-table.js'
import type { Notice } from './notices.js'

export class SandboxSettings implements KernelTable {
  readonly name = 'settings'
  /** bridges whose addresses need IPv6 */
  #bridges6: readonly string[] = []
  #resync = true
  /** whether a pass of this process set them before */
  #known = false

  setDesired({ links }: Plan): void {
    this.#bridges6 = links
      .filter((link) => link.kind === 'bridge')
      .filter(({ addresses }) => addresses.some((address) => familyOf(address) === 6))
      .map(({ name }) => name)
  }

  queueResync(): void {
    this.#resync = true
  }

  /** The kernel tells when forwarding is turned off for all devices. */
  contradicts(notice: Notice): boolean {
    return notice.kind === 'forwarding' && notice.state.ifindex === undefined && !notice.state.on
  }

  async apply({ inside }: Scope): Promise<TableResult> {
    if (!this.#resync) return NOTHING
    this.#resync = false
    try {
      const written = inside(() => repairSysctls(this.#bridges6))
      const drift = this.#known ? written : 0
      this.#known = true
      return { written, drift, failures: [] }
    } catch (error) {
      const item = { in: 'settings', name: 'sysctls' } as const
      return { written: 0, drift: 0, failures: [failureOf(item, error)] }
    }
  }
}
