/**
 * `tsoverlay doctor`: checks of this host, or of all hosts, each by its own plugin, and of what is the
 * whole cluster's. Findings come as they are made; docs/design/explain.md tells of the checks.
 */
import type { DoctorLine, Finding } from '../../core/admin/doctor.js'
import { hasCode } from '../../core/errors.js'
import type { Host, HostId } from '../../core/types.js'
import type { Inquiries } from '../inquiries/inquiries.js'
import type { Peers } from '../peers/peers.js'
import type { Probes } from '../probes/probes.js'
import type { Check } from './check.js'
import type { AskedHost } from './checks/hosts.js'
import { type ClusterParts, clusterChecks } from './cluster-checks.js'
import { runChecks } from './run-check.js'

/** For one check. */
const CHECK_MS = 6_000
/** For all of a host, which another one waits for. */
const HOST_MS = 8_000
const REFLECT_MS = 2_000
/** How long hosts answer probes: as long as all of it takes. */
const LISTEN_MS = 12_000

export interface DoctorParts extends Omit<ClusterParts, 'inquiries' | 'hosts'> {
  readonly identity: Pick<Host, 'id' | 'name'>
  readonly checks: readonly Check[]
  readonly inquiries: Inquiries
  readonly probes: Pick<Probes, 'listen'>
  readonly peers: Pick<Peers, 'hosts' | 'used'>
}

/** Hands a line to who asked. */
type Tell = (line: DoctorLine) => void

export class Doctor {
  readonly #parts: DoctorParts

  constructor(parts: DoctorParts) {
    this.#parts = parts
    parts.inquiries.on('doctor', async (_params, { signal }) => ({
      findings: [...(await this.#examine(signal))],
    }))
  }

  /**
   * Looks, and tells each finding as it is made.
   * @param all hosts, not only this one
   */
  async look(all: boolean, tell: Tell, signal: AbortSignal): Promise<void> {
    const { peers, identity } = this.#parts
    const told = (findings: readonly Finding[]): void => {
      for (const finding of findings) tell({ finding })
    }
    tell({ progress: 'the other hosts' })
    // Whom the check of all hosts has found silent is not named once more.
    let asked: readonly AskedHost[] = []
    const hosts = (): readonly Host[] => peers.hosts()
    const cluster = clusterChecks({ ...this.#parts, hosts }, (found) => {
      asked = found
    })
    const ofCluster = runChecks(cluster, identity.name, CHECK_MS, signal).then(told)
    await this.#listen(all ? hosts() : peers.used(), signal)
    tell({ progress: all ? 'the checks of all hosts' : 'the checks of this host' })
    if (!all) told(await this.#examine(signal))
    else await this.#askAll(tell, () => asked, signal)
    await ofCluster
  }

  /** Of this host. */
  #examine(signal: AbortSignal): Promise<readonly Finding[]> {
    const { checks, identity } = this.#parts
    return runChecks(checks, identity.name, CHECK_MS, signal)
  }

  /** Hosts hear probes from now on, as far as they answer. */
  async #listen(hosts: readonly Host[], signal: AbortSignal): Promise<void> {
    const { inquiries, probes } = this.#parts
    probes.listen(LISTEN_MS)
    const options = { signal, withinMs: REFLECT_MS }
    const ids = hosts.map(({ id }) => id)
    for await (const _ of inquiries.askAll(ids, 'reflect', { forMs: LISTEN_MS }, options));
  }

  async #askAll(tell: Tell, asked: () => readonly AskedHost[], signal: AbortSignal): Promise<void> {
    const { inquiries, peers, identity } = this.#parts
    const ids = new Set<HostId>([identity.id, ...peers.hosts().map(({ id }) => id)])
    const options = { signal, withinMs: HOST_MS }
    let left = ids.size
    for await (const reply of inquiries.askAll([...ids], 'doctor', {}, options)) {
      left -= 1
      if (left > 0) tell({ progress: `${left} hosts` })
      if ('answer' in reply) for (const finding of reply.answer.findings) tell({ finding })
      else if (!isTold(reply.error, reply.host.id, asked())) {
        const { name: host } = reply.host
        const says = reply.error.message
        const mend = `on ${host}: docker plugin ls; or ask there: tsoverlay doctor`
        tell({
          finding: { host, name: 'hosts', about: `host ${host}`, verdict: 'failed', says, mend },
        })
      }
    }
  }
}

/** A store that is away, or a host that is silent, is a finding of another check already. */
function isTold(error: Error, id: HostId, asked: readonly AskedHost[]): boolean {
  const isSilent = asked.some((each) => each.id === id && each.silent !== undefined)
  return isSilent || hasCode(error, 'STORE_UNAVAILABLE')
}
