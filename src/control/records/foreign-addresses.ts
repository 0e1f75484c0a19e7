/**
 * Addresses that dockerd's own IPAM handed out: `docker network create -d tsoverlay` without
 * `--ipam-driver tsoverlay`. That IPAM counts on each host alone, so the address plan has to be
 * asked before an endpoint is made; a clash is refused with the flag that avoids it.
 */

import type { PoolData } from '../../core/driver.js'
import { hasCode, TsoverlayError } from '../../core/errors.js'
import { type Cidr, contains, type Ip, ipOf, networkOf } from '../../core/ip.js'
import type { AddressBook } from '../../ipam/address-book.js'
import { addressSubject, poolSubject } from '../../ipam/subjects.js'
import { claimWanted } from '../../ipam/wanted-address.js'
import type { Binding } from '../../state/documents.js'
import type { PoolRef } from '../../state/keys.js'
import type { Chore, Outbox } from '../../state/outbox.js'

const HINT =
  'where dockerd chose it by itself, create the network with --ipam-driver tsoverlay, so that addresses are unique in the cluster'

export class ForeignAddresses {
  readonly #book: AddressBook
  readonly #outbox: Outbox

  constructor(book: AddressBook, outbox: Outbox) {
    this.#book = book
    this.#outbox = outbox
  }

  /**
   * Enters the pools of such a network, their gateways and auxiliary addresses into the plan. To be
   * called in `Outbox.making` of the pools, until the journal has the network.
   */
  async hold(space: string, pools: readonly PoolData[], signal: AbortSignal): Promise<void> {
    for (const data of pools) {
      const ref: PoolRef = { space, pool: networkOf(data.pool) }
      await this.#book.hold(ref, signal, { byDockerd: true })
      await this.#book.prepare(ref, signal)
      if (data.gateway !== undefined)
        await this.#book.gateway(ref, ipOf(data.gateway), undefined, signal)
      for (const aux of data.aux)
        await this.#book.claim({ ...ref, ip: ipOf(aux), kind: 'reserved' }, signal)
    }
  }

  /**
   * Claims the addresses of a new endpoint; where our IPAM gave them, makes sure that they still are
   * this endpoint's: dockerd may have been asleep since.
   * @throws TsoverlayError ADDRESS_TAKEN
   */
  async claim(binding: Binding, addresses: readonly Cidr[], signal: AbortSignal): Promise<void> {
    if (binding.ipam === 'swarm') return
    if (binding.ipam === 'tsoverlay') return this.#confirm(binding, addresses, signal)
    const claimed: Cidr[] = []
    try {
      for (const address of addresses) {
        await this.#claimOne(binding, address, signal)
        claimed.push(address)
      }
    } catch (error) {
      this.release(binding, claimed)
      if (!hasCode(error, 'ADDRESS_TAKEN')) throw error
      throw new TsoverlayError('ADDRESS_TAKEN', `${error.message}; ${HINT}`, error)
    }
  }

  async #confirm(binding: Binding, addresses: readonly Cidr[], signal: AbortSignal): Promise<void> {
    for (const address of addresses) {
      const ref = refOf(binding, address)
      if (ref !== undefined) await this.#book.confirm(ref, ipOf(address), signal)
    }
  }

  async #claimOne(binding: Binding, address: Cidr, signal: AbortSignal): Promise<void> {
    const ref = refOf(binding, address)
    if (ref === undefined) return
    const ip = ipOf(address)
    await claimWanted(this.#book, this.#outbox, { ...ref, ip, kind: 'endpoint' }, signal)
  }

  release(binding: Binding | undefined, addresses: readonly Cidr[]): void {
    for (const { chore, ref, ip } of foreignReleases(binding, addresses)) {
      if (!this.#book.releaseNow(ref, ip)) void this.#outbox.submit(chore)
    }
  }

  /** The same for addresses that our IPAM gave and that dockerd will not give back. */
  giveBack(binding: Binding | undefined, addresses: readonly Cidr[]): void {
    if (binding?.ipam !== 'tsoverlay') return
    for (const { chore, ref, ip } of releases(binding, addresses)) {
      if (!this.#book.releaseNow(ref, ip)) void this.#outbox.submit(chore)
    }
  }

  /** This host uses the pools no longer. */
  drop(space: string, pools: readonly Cidr[]): void {
    for (const pool of pools) {
      const ref = { space, pool }
      void this.#outbox.submit({
        kind: 'drop-pool',
        subject: poolSubject(ref),
        args: { space, pool },
      })
    }
  }
}

/** What gives the addresses of an endpoint back; nothing where our IPAM gave them. */
export function foreignReleases(
  binding: Binding | undefined,
  addresses: readonly Cidr[],
): readonly Release[] {
  return binding?.ipam === 'docker' ? releases(binding, addresses) : []
}

interface Release {
  readonly chore: Chore
  readonly ref: PoolRef
  readonly ip: Ip
}

function releases(binding: Binding, addresses: readonly Cidr[]): Release[] {
  return addresses.flatMap((address) => {
    const ref = refOf(binding, address)
    const ip = ipOf(address)
    if (ref === undefined) return []
    const args = { space: ref.space, pool: ref.pool, address: ip }
    const chore = { kind: 'release-address', subject: addressSubject(ref, ip), args }
    return [{ chore, ref, ip }]
  })
}

/** The pool of the network in which the address lies. */
export function refOf(binding: Binding, address: Cidr): PoolRef | undefined {
  const subnets = binding.network.segments.flatMap((segment) => segment.subnets)
  const pool = subnets.find((subnet) => contains(subnet.pool, ipOf(address)))?.pool
  return pool && { space: binding.network.space, pool }
}
