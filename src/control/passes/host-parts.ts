/**
 * What all networks of this host want in the host's own namespace. A part that its backend cannot
 * make is that network's trouble alone: what was wanted of it before stands.
 */
import { resolveBackend } from '../../backends/index.js'
import { messageOf, TsoverlayError } from '../../core/errors.js'
import type { LinkPlan, Part } from '../../core/plan.js'
import { HOST } from '../../core/plan.js'
import type { Logger } from '../../core/ports.js'
import type { DockerNetworkId, NetworkView } from '../../core/types.js'

export class HostParts {
  readonly #logger: Logger
  #last: ReadonlyMap<DockerNetworkId, Part> = new Map()
  readonly #problems = new Map<DockerNetworkId, string>()

  constructor(logger: Logger) {
    this.#logger = logger
  }

  /** Why a network's part is not as it should be, by network. */
  get problems(): ReadonlyMap<DockerNetworkId, string> {
    return this.#problems
  }

  /** @returns parts by network, of those that want anything */
  of(views: readonly NetworkView[]): ReadonlyMap<DockerNetworkId, Part> {
    const found = new Map<DockerNetworkId, Part>()
    const links = new Map<string, { readonly text: string; readonly identity: string }>()
    for (const view of views) {
      const part = this.#make(view, links)
      if (part !== undefined) found.set(view.dockerNetwork, part)
    }
    this.#last = found
    for (const network of this.#problems.keys()) {
      if (!found.has(network)) this.#problems.delete(network)
    }
    return found
  }

  #make(
    view: NetworkView,
    links: Map<string, { readonly text: string; readonly identity: string }>,
  ): Part | undefined {
    const { network, dockerNetwork } = view
    try {
      const part = resolveBackend(network.backend).parts(view).get(HOST)
      for (const link of part?.links ?? []) refuseOther(link, network.identity, links)
      if (this.#problems.delete(dockerNetwork))
        this.#logger.info({ network: dockerNetwork.slice(0, 12) }, 'network planned again')
      return part
    } catch (error) {
      const problem = messageOf(error)
      if (this.#problems.get(dockerNetwork) !== problem) {
        const fields = { network: dockerNetwork.slice(0, 12), err: problem }
        this.#logger.error(fields, 'network cannot be planned, what was planned before stays')
      }
      this.#problems.set(dockerNetwork, problem)
      return this.#last.get(dockerNetwork)
    }
  }
}

/** @throws TsoverlayError NETWORK_CONFLICT when another network has a link of that name */
function refuseOther(
  link: LinkPlan,
  identity: string,
  links: Map<string, { readonly text: string; readonly identity: string }>,
): void {
  const text = JSON.stringify(link)
  const other = links.get(link.name)
  if (other !== undefined && other.text !== text) {
    throw new TsoverlayError(
      'NETWORK_CONFLICT',
      `link ${link.name} is wanted by the networks ${other.identity} and ${identity}: remove one of them`,
    )
  }
  links.set(link.name, { text, identity })
}
