/** Does the steps of a pass. Each looks at the store once more, as the pass saw only a copy of it. */
import type { Dataplane, Logger } from '../../core/ports.js'
import type { DockerNetworkId, NetworkKey } from '../../core/types.js'
import type { Binding, Publication } from '../../state/documents.js'
import type { Journal } from '../../state/journal.js'
import type { Publications } from '../../state/publications.js'
import {
  type DockerNetwork,
  type DockerNetworks,
  GATEWAY_BRIDGE,
} from '../dockerd/docker-networks.js'
import type { Step } from './decide.js'
import { gatewayStep } from './gateway-bridge.js'
import { Mover } from './mover.js'
import { contradictions, newNetworkOf, publicationOf } from './publication.js'
import type { Use, Wishes } from './wishes.js'

export interface StepParts {
  readonly docker: DockerNetworks
  readonly journal: Journal
  readonly publications: Publications
  readonly dataplane: Pick<Dataplane, 'routes'>
  readonly logger: Logger
  /** how long a docker_gwbridge that was removed is left to the user */
  readonly patienceMs?: number
}

interface Parts extends StepParts {
  readonly wishes: Wishes
}

const PATIENCE_MS = 10_000

/** what is wrong, for people; undefined when the step is done */
type Outcome = Promise<string | undefined>

export class Steps {
  readonly #parts: Parts
  readonly #mover: Mover

  /** docker_gwbridge was there, and is missing since then (ms of performance.now) */
  #missing: number | undefined
  #hadGateway = false

  constructor(parts: Parts) {
    this.#parts = parts
    this.#mover = new Mover(parts)
  }

  /** @throws what the store or dockerd answers */
  async take(step: Exclude<Step, { do: 'wait' }>, signal: AbortSignal): Outcome {
    switch (step.do) {
      case 'learn':
        return this.#learn(step.docker, step.binding, signal)
      case 'leave':
        return this.#leave(step, signal)
      case 'hold':
        return this.#hold(step.name, step.binding, signal)
      case 'let-go':
        return this.#letGo(step.name, step.binding, signal)
      case 'create':
        return this.#create(step.publication, signal)
      case 'stay':
        return this.#name(step.binding.dockerNetwork, step.name)
      case 'forget':
        return this.#forget(step.binding, step.name, signal)
      default:
        return step.problem
    }
  }

  async #learn(docker: DockerNetwork, binding: Binding, signal: AbortSignal): Outcome {
    const { publications, logger } = this.#parts
    const mine = publicationOf(docker, binding)
    // First the name: if a user removes it in this very moment, it shall go where it went.
    this.#name(docker.id, docker.name)
    const result = await publications.publish(mine, signal)
    if (result.state === 'published') {
      logger.info({ network: docker.name, key: mine.key }, 'network published to all hosts')
      await this.#isStillHere(docker, mine, signal)
      return undefined
    }
    const differences =
      result.state === 'joined' ? contradictions(mine, result.publication) : ['another name']
    if (differences.length === 0) return undefined
    this.#name(docker.id, undefined)
    switch (result.state) {
      case 'joined':
        return this.#replace(
          docker,
          result.publication,
          `the cluster has it with other ${differences.join('; ')}`,
          signal,
        )
      case 'renamed':
        return `the cluster knows the same network as ${result.name}: remove one of the two, or create one with another --subnet or -o network=NAME`
      case 'taken':
        return this.#taken(docker, mine, result.by, signal)
      default:
        return 'the store does not have it: remove it and create it again'
    }
  }

  /** The removal may have been told to the store before the publication was there. */
  async #isStillHere(docker: DockerNetwork, mine: Publication, signal: AbortSignal): Promise<void> {
    const { journal, publications } = this.#parts
    if (journal.bindings.get(docker.id) !== undefined) return
    await publications.requestRemoval(mine, new Date().toISOString(), signal)
  }

  /** Another host was faster with the name. */
  async #taken(
    docker: DockerNetwork,
    mine: Publication,
    by: NetworkKey,
    signal: AbortSignal,
  ): Outcome {
    const other = await this.#parts.publications.get(by, signal)
    if (other === undefined) return undefined // gone meanwhile; the next pass knows
    const differences = contradictions(mine, other)
    const what = differences.length === 0 ? '' : ` (${differences.join('; ')})`
    const why = `the cluster has another network of this name${what}`
    return this.#replace(docker, other, why, signal)
  }

  /** The cluster's network comes instead, as soon as nobody uses this one, or with who just began. */
  async #replace(
    docker: DockerNetwork,
    published: Publication,
    why: string,
    signal: AbortSignal,
  ): Outcome {
    const { journal, docker: dockerd, logger } = this.#parts
    const inUse = `${why}: it is replaced by the cluster's as soon as no container uses it here`
    // With the same network under other labels its containers are where they should be.
    const moves = docker.created !== undefined && !this.#isSame(docker, published)
    if (moves && (await this.#mover.isAwaited(docker, signal)))
      return `${why}: it is replaced by the cluster's in a moment`
    const used = journal.endpointsOf(docker.id).length > 0
    if (used || !(await dockerd.remove(docker.id, signal))) {
      if (!moves || !this.#mover.isYoung(docker)) return inUse
      const make = () => this.#comeOf(published, signal)
      const problem = await this.#mover.move(docker, make, signal)
      return problem === undefined ? undefined : `${inUse} (${problem})`
    }
    const fields = { network: docker.name, id: docker.id.slice(0, 12), why }
    logger.warn(fields, "network removed here in favour of the cluster's")
    // At once, not with the next pass: a container may be about to start.
    return this.#comeOf(published, signal)
  }

  #isSame({ id }: DockerNetwork, { key }: Publication): boolean {
    return this.#parts.journal.bindings.get(id)?.network.key === key
  }

  /** As #create, but for a network that may be here already. */
  async #comeOf(published: Publication, signal: AbortSignal): Outcome {
    if (this.#parts.journal.bindingOf(published.key) !== undefined) return undefined
    return this.#create(published, signal)
  }

  async #leave(
    { docker, binding, use }: Extract<Step, { do: 'leave' }>,
    signal: AbortSignal,
  ): Outcome {
    const { journal, publications, docker: dockerd, logger } = this.#parts
    const removal = (await publications.get(binding.network.key, signal))?.removal
    if (removal === undefined) return undefined // taken back; the next pass knows
    const inUse = use === 'old' || use === 'anew'
    if (inUse || journal.endpointsOf(docker.id).length > 0) return this.#keep(docker, use, signal)
    const bound = journal.bindings.get(docker.id)
    if (bound !== undefined) journal.bindings.put({ ...bound, leaving: true })
    if (!(await dockerd.remove(docker.id, signal))) return this.#keep(docker, use, signal)
    logger.info(
      { network: docker.name, by: removal.host, at: removal.at },
      'network removed here, too',
    )
    return undefined
  }

  /** A removal meets containers: these win, everywhere. */
  async #keep(docker: DockerNetwork, use: Use, signal: AbortSignal): Outcome {
    const { journal, publications, logger } = this.#parts
    const binding = journal.bindings.get(docker.id)
    if (binding === undefined) return undefined
    if (!(await publications.withdrawRemoval(binding.network.key, use !== 'anew', signal)))
      return 'it was removed in the cluster: it goes from here as soon as no container uses it'
    logger.warn({ network: docker.name }, 'network stays in the cluster, as containers here use it')
    return this.#name(docker.id, docker.name)
  }

  async #hold(name: string, { network }: Binding, signal: AbortSignal): Outcome {
    const { publications, logger } = this.#parts
    await publications.hold(network.key, signal)
    logger.info({ network: name }, 'network stays in the cluster, as containers here use it, too')
    return undefined
  }

  async #letGo(name: string, { network }: Binding, signal: AbortSignal): Outcome {
    const { publications, wishes, logger } = this.#parts
    await publications.letGo(network.key, signal)
    wishes.end(network.key)
    logger.info({ network: name }, 'network that a user removed has no container here any more')
    return undefined
  }

  /**
   * Sees to docker_gwbridge; in use, it stays as it is.
   * @param options.hurry a container starts: whoever has removed it is not waited for
   * @throws what dockerd or the kernel answers
   */
  async gatewayBridge(
    networks: readonly DockerNetwork[],
    publications: readonly Publication[],
    { signal, hurry = false }: { readonly signal: AbortSignal; readonly hurry?: boolean },
  ): Promise<void> {
    const { docker, dataplane, logger } = this.#parts
    const step = gatewayStep(networks, publications, await dataplane.routes())
    const isAwaited = this.#isJustRemoved(networks) && !hurry
    if (isAwaited || step === undefined) return
    if (step.instead !== undefined && !(await docker.remove(step.instead, signal))) return
    await docker.create(step.make, signal)
    this.#missing = undefined
    const subnet = step.make.pools[0]?.subnet
    const said = step.instead === undefined ? 'docker_gwbridge created' : 'docker_gwbridge moved'
    logger.info({ subnet }, said)
  }

  /** A user who removes it may be about to make one of his own. */
  #isJustRemoved(networks: readonly DockerNetwork[]): boolean {
    const isThere = networks.some(({ name }) => name === GATEWAY_BRIDGE)
    if (isThere) this.#hadGateway = true
    if (isThere || !this.#hadGateway) {
      this.#missing = undefined
      return false
    }
    this.#missing ??= performance.now()
    return performance.now() < this.#missing + (this.#parts.patienceMs ?? PATIENCE_MS)
  }

  /** Whether docker_gwbridge is missing and will be made soon. */
  get awaitsGateway(): boolean {
    return this.#missing !== undefined
  }

  /** Whether containers have to be put back on a network. */
  get hasMoves(): boolean {
    return this.#mover.hasLeft
  }

  /** @returns what is wrong, by name of network @throws what dockerd answers */
  finishMoves(
    publications: readonly Publication[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, string>> {
    return this.#mover.finish(publications, signal)
  }

  async #create(publication: Publication, signal: AbortSignal): Outcome {
    const { docker, publications, logger } = this.#parts
    const now = await publications.get(publication.key, signal)
    if (now === undefined || now.removal !== undefined) return undefined
    const id = await docker.create(newNetworkOf(now), signal)
    logger.info({ network: now.name, id: id.slice(0, 12) }, 'network of the cluster created here')
    return this.#name(id, now.name)
  }

  async #forget(binding: Binding, name: string, signal: AbortSignal): Outcome {
    const now = await this.#parts.publications.get(binding.network.key, signal)
    if (now?.name === name) return undefined // this host's copy of the store is late
    return this.#name(binding.dockerNetwork, undefined)
  }

  #name(id: DockerNetworkId, name: string | undefined): undefined {
    rename(this.#parts.journal, id, name)
    return undefined
  }
}

/** Notes under which name a network is published, if this host still has it. */
function rename(journal: Journal, id: DockerNetworkId, name: string | undefined): void {
  const binding = journal.bindings.get(id)
  if (binding === undefined) return
  const { dockerNetwork, network, ipam } = binding
  journal.bindings.put({ dockerNetwork, network, ipam, ...(name === undefined ? {} : { name }) })
}

/** Without network sync a removal on this host is of nobody else's concern. */
export function forgetNames(journal: Journal): void {
  for (const { dockerNetwork } of [...journal.bindings.values()])
    rename(journal, dockerNetwork, undefined)
}
