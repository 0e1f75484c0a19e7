/**
 * Keeps the kernel told which hosts may send VXLAN packets to this one, and of which VNIs. What
 * is wanted is read anew each time: the hosts from the store, the VNIs from the journal. Every two
 * seconds it is looked whether others have changed the rules, such as a firewall that was reloaded.
 */
import { messageOf } from '../../core/errors.js'
import type { StrangersPlan } from '../../core/plan.js'
import type { AdmissionResult, Dataplane, Logger } from '../../core/ports.js'
import type { DockerNetworkId } from '../../core/types.js'
import type { Journal } from '../../state/journal.js'
import type { Peers } from '../peers/peers.js'
import type { UnderlaySource } from '../underlay/underlay-source.js'

const LOOK_MS = 2_000

interface AdmissionParts {
  readonly journal: Journal
  readonly peers: Pick<Peers, 'hosts' | 'knowsHosts'>
  readonly underlay: Pick<UnderlaySource, 'known'>
  readonly dataplane: Pick<Dataplane, 'admit' | 'list'>
  /** UDP port of VXLAN */
  readonly port: number
  readonly logger: Logger
}

export class Admission {
  readonly #parts: AdmissionParts
  /** running containers of a former run, which must not be shut out before the hosts are known */
  #adopted = true
  #vnis: ReadonlySet<number> = new Set()
  #problem: string | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(parts: AdmissionParts) {
    this.#parts = parts
  }

  /** Never rejects. */
  async start(): Promise<void> {
    const { dataplane, logger } = this.#parts
    try {
      this.#adopted = (await dataplane.list()).length > 0
    } catch (error) {
      logger.warn({ err: messageOf(error) }, 'sandboxes of a former run not listed')
    }
    await this.update(true)
    this.#timer = setInterval(() => void this.update(true), LOOK_MS)
    this.#timer.unref()
  }

  /** Returns when packets of this network are taken from the cluster's hosts only. Never rejects. */
  async cover(network: DockerNetworkId): Promise<void> {
    const segments = this.#parts.journal.bindings.get(network)?.network.segments ?? []
    if (segments.some(({ vni }) => !this.#vnis.has(vni))) await this.update()
  }

  /** Makes the kernel as wanted now; costs no call when nothing has changed. Never rejects. */
  async update(look = false): Promise<void> {
    const plan = this.#plan()
    const result = await this.#parts.dataplane.admit(plan, look)
    this.#vnis = new Set(result.failures.length === 0 ? plan.vnis : [])
    this.#report(result)
  }

  /** Why strangers' packets are not kept out; undefined when they are. */
  get problem(): string | undefined {
    return this.#problem
  }

  /** The kernel keeps what is there. */
  close(): void {
    clearInterval(this.#timer)
  }

  #plan(): StrangersPlan {
    const { journal, peers, underlay, port } = this.#parts
    const joined = new Set(
      [...journal.endpoints.values()]
        .filter((endpoint) => endpoint.joined)
        .map(({ dockerNetwork }) => dockerNetwork),
    )
    const segments = [...joined].flatMap((id) => journal.bindings.get(id)?.network.segments ?? [])
    const own = underlay.known?.vtep
    const others = peers.hosts().map(({ vtep }) => vtep)
    const partial = !peers.knowsHosts
    return {
      port,
      vnis: [...new Set(segments.map(({ vni }) => vni))],
      vteps: [...new Set([...(own === undefined ? [] : [own]), ...others])],
      partial,
      create: !(partial && this.#adopted),
    }
  }

  /** One line when it goes wrong and one when it is well again. */
  #report({ drift, failures: [failure], unsupported }: AdmissionResult): void {
    const { logger } = this.#parts
    if (drift > 0) {
      logger.warn({ drift }, 'rules for VXLAN packets were changed by others and are repaired')
    }
    const problem = unsupported ?? (failure && messageOf(failure.error))
    if (problem !== undefined && this.#problem === undefined) {
      logger.error({ err: problem }, 'strangers are not kept out, the kernel refused the rules')
    }
    if (problem === undefined && this.#problem !== undefined) {
      logger.info({}, 'strangers are kept out again')
    }
    this.#problem = problem
  }
}
