/**
 * Addresses that move with announcements: a container of a network with `floating=on` that announces
 * one of its auxiliary addresses has it from then on, until another one announces it. The address
 * stands in the endpoint's record, so it is published, put back and removed with it.
 *
 * No transaction decides, as an announcement says what is and cannot be refused: each takes a turn
 * higher than all that are known, and the highest has the address on every host (peers/floats.ts). A host
 * that finds a higher one drops its own.
 */
import { resolveBackend } from '../../backends/index.js'
import type { Ip } from '../../core/ip.js'
import type { Announcement, Logger } from '../../core/ports.js'
import type { LocalEndpoint, NetworkKey } from '../../core/types.js'
import type { Journal } from '../../state/journal.js'
import type { Outbox } from '../../state/outbox.js'
import { networksAt } from '../passes/places.js'
import type { Reconciler } from '../passes/reconciler.js'
import { byTurn, turnOf, withFloat, withoutFloat } from '../peers/floats.js'
import type { Peers } from '../peers/peers.js'
import { chores } from '../records/chores.js'
import type { Problems } from '../troubles/problems.js'

export interface FloatingParts {
  readonly journal: Journal
  readonly outbox: Outbox
  readonly peers: Pick<Peers, 'floaters'>
  readonly reconciler: Pick<Reconciler, 'mark'>
  readonly problems: Pick<Problems, 'report'>
  readonly logger: Logger
}

export class Floating {
  readonly #parts: FloatingParts
  /** endpoint → what is wrong with its announcement */
  readonly #refused = new Map<string, string>()

  constructor(parts: FloatingParts) {
    this.#parts = parts
  }

  /** A container of this host has announced an address. */
  heard({ sandbox, dev, ip, mac }: Announcement): void {
    const { journal, peers } = this.#parts
    const [binding] = networksAt(journal.bindings.values(), sandbox)
    if (binding?.network.floating?.includes(ip) !== true) return
    const { portOf } = resolveBackend(binding.network.backend)
    const local = journal.endpointsOf(binding.dockerNetwork)
    const endpoint = local.find(({ id, joined }) => joined && portOf(id) === dev)
    if (endpoint === undefined) return
    if (endpoint.mac !== mac) {
      this.#refuse(endpoint, ip, mac)
      return
    }
    if (this.#refused.delete(endpoint.id)) this.#report()
    const others = [...peers.floaters(binding.network.key), ...local].filter(
      (other) => other.id !== endpoint.id && turnOf(other, ip) > 0,
    )
    const own = turnOf(endpoint, ip)
    if (own > 0 && others.every((other) => byTurn(endpoint, other, ip) < 0)) return
    for (const former of others) {
      const known = local.find(({ id }) => id === former.id)
      if (known !== undefined) this.#put(withoutFloat(known, ip))
    }
    this.#put(withFloat(endpoint, ip, others))
    this.#tell(endpoint, ip, 'address announced here, the cluster sends it here now')
    this.#parts.reconciler.mark(binding.dockerNetwork)
  }

  /** Endpoints of other hosts have changed: who has announced later has the address. */
  peersChanged(network: NetworkKey): void {
    const { journal, peers } = this.#parts
    this.#forgetGone()
    const binding = journal.bindingOf(network)
    if (binding?.network.floating === undefined) return
    const others = peers.floaters(network)
    for (const endpoint of journal.endpointsOf(binding.dockerNetwork)) {
      const lost = (endpoint.floating ?? []).filter(({ ip }) =>
        others.some((other) => turnOf(other, ip) > 0 && byTurn(other, endpoint, ip) < 0),
      )
      if (lost.length === 0) continue
      this.#put(lost.reduce((rest, { ip }) => withoutFloat(rest, ip), endpoint))
      for (const { ip } of lost) this.#tell(endpoint, ip, 'address announced on another host')
    }
  }

  #put(endpoint: LocalEndpoint): void {
    const { journal, outbox } = this.#parts
    journal.endpoints.put(endpoint)
    void outbox.submit(chores.publishEndpoint(endpoint))
  }

  #tell({ id, dockerNetwork }: LocalEndpoint, ip: Ip, message: string): void {
    const fields = { network: dockerNetwork.slice(0, 12), endpoint: id.slice(0, 12), ip }
    this.#parts.logger.info(fields, message)
  }

  #refuse({ id, mac }: LocalEndpoint, ip: Ip, said: string): void {
    const problem = `its container announces ${ip} with the MAC ${said}, which is not its own (${mac}): floating addresses keep the container's MAC, so switch virtual MACs off (use_vmac of keepalived)`
    if (this.#refused.get(id) === problem) return
    this.#refused.set(id, problem)
    this.#report()
  }

  #forgetGone(): void {
    const { endpoints } = this.#parts.journal
    const gone = [...this.#refused.keys()].filter((id) => endpoints.get(id) === undefined)
    for (const id of gone) this.#refused.delete(id)
    if (gone.length > 0) this.#report()
  }

  #report(): void {
    const found = [...this.#refused].map(
      ([id, problem]) => [`endpoint ${id.slice(0, 12)}`, problem] as const,
    )
    this.#parts.problems.report('floating', new Map(found))
  }
}
