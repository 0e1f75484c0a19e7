/**
 * What the host does with the packets of our links: sysctls by link, and forwarding. Other devices'
 * stay as they are, and what was turned on for all is never turned off again.
 */
import { familyOf } from '../../core/ip.js'
import type { LinkPlan, Plan } from '../../core/plan.js'
import { failureOf, type TableResult } from '../failure.js'
import {
  forwardIpv4,
  forwardIpv6,
  repairLinkSettings,
  repairLocalhost,
} from '../places/host-sysctls.js'
import { type KernelTable, NOTHING, type Scope } from './kernel-table.js'
import type { LinkTable } from './links.js'
import type { Notice } from './notices.js'

export class HostSettings implements KernelTable {
  readonly name = 'settings'
  readonly #links: LinkTable
  #wanted: readonly LinkPlan[] = []
  /** bridges to whose containers ports of localhost lead */
  #published: ReadonlySet<string> = new Set()
  #resync = true
  /** links that a pass of this process has seen to */
  #known: ReadonlySet<string> = new Set()

  constructor(links: LinkTable) {
    this.#links = links
  }

  setDesired({ links, domains = [] }: Plan): void {
    this.#wanted = links.filter(({ kind }) => kind !== 'veth')
    const published = domains.filter((domain) => domain.published.length > 0)
    const bridges = new Set(published.map(({ bridge }) => bridge))
    this.#resync ||= [...bridges].sort().join() !== [...this.#published].sort().join()
    this.#published = bridges
    const names = new Set(this.#wanted.map(({ name }) => name))
    this.#resync ||= [...names].some((name) => !this.#known.has(name))
    this.#known = new Set([...this.#known].filter((name) => names.has(name)))
  }

  queueResync(): void {
    this.#resync = true
  }

  /** The kernel tells when forwarding is turned off, of all devices or of one. */
  contradicts(notice: Notice): boolean {
    if (notice.kind !== 'forwarding' || notice.state.on || this.#wanted.length === 0) return false
    const { ifindex } = notice.state
    if (ifindex === undefined) return true
    return [this.#links.bridges, this.#links.vxlans].some((links) =>
      [...links.values()].includes(ifindex),
    )
  }

  /** After the links, which have been prepared when they were made. */
  async apply({ inside }: Scope): Promise<TableResult> {
    if (!this.#resync && !this.#wanted.some(({ name }) => this.#links.fresh.has(name)))
      return NOTHING
    this.#resync = false
    try {
      return { ...inside(() => this.#repair()), failures: [] }
    } catch (error) {
      const item = { in: 'settings', name: 'sysctls of the host' } as const
      return { ...NOTHING, failures: [failureOf(item, error)] }
    }
  }

  #repair(): { readonly written: number; readonly drift: number } {
    const { bridges, vxlans } = this.#links
    const there = this.#wanted.filter(({ name }) => bridges.has(name) || vxlans.has(name))
    if (there.length === 0) return { written: 0, drift: 0 }
    const has6 = there.some(hasIpv6)
    let written = forwardIpv4() + (has6 ? forwardIpv6() : 0)
    let drift = this.#known.size > 0 ? written : 0
    for (const plan of there) {
      const repaired = repairLinkSettings(plan.name, traitsOf(plan))
      written += repaired + repairLocalhost(plan.name, this.#published.has(plan.name))
      if (this.#known.has(plan.name) && !this.#links.fresh.has(plan.name)) drift += repaired
    }
    this.#known = new Set(there.map(({ name }) => name))
    return { written, drift }
  }
}

/** Settings of a link that was just made, before it is up and has addresses. @throws TsoverlayError KERNEL_FAILED */
export function prepareHostLink(plan: LinkPlan): void {
  repairLinkSettings(plan.name, traitsOf(plan))
}

const traitsOf = (plan: LinkPlan) => ({
  isBridge: plan.kind === 'bridge',
  hasIpv6: hasIpv6(plan),
})

function hasIpv6(plan: LinkPlan): boolean {
  if (plan.kind === 'veth') return false
  return (plan.addresses ?? []).some((address) => familyOf(address) === 6)
}
