/** What a pass of network sync has to do on this host: pure. */
import type { HostId, NetworkKey } from '../../core/types.js'
import type { Binding, Publication } from '../../state/documents.js'
import type { DockerNetwork } from '../dockerd/docker-networks.js'
import type { Use } from './wishes.js'

export interface Situation {
  readonly docker: readonly DockerNetwork[]
  readonly bindings: readonly Binding[]
  readonly publications: readonly Publication[]
  /** how this host uses a network that a user has removed somewhere */
  readonly useOf: (docker: DockerNetwork, publication: Publication) => Use
  readonly self: HostId
  /** true while the store has not been told yet what this host did with the network */
  readonly isOwed: (key: NetworkKey) => boolean
}

export type Step =
  /** a network of ours whose name the cluster does not know from this host yet */
  | { readonly do: 'learn'; readonly name: string; docker: DockerNetwork; binding: Binding }
  /** removed in the cluster */
  | {
      readonly do: 'leave'
      readonly name: string
      docker: DockerNetwork
      binding: Binding
      use: Use
    }
  /** removed while in use: it stays because of this host, too */
  | { readonly do: 'hold'; readonly name: string; binding: Binding }
  /** the same: not because of this host any more */
  | { readonly do: 'let-go'; readonly name: string; binding: Binding }
  /** the removal was taken back */
  | { readonly do: 'stay'; readonly name: string; binding: Binding }
  /** no longer published under this name: learn anew */
  | { readonly do: 'forget'; readonly name: string; binding: Binding }
  | { readonly do: 'create'; readonly name: string; publication: Publication }
  | { readonly do: 'wait'; readonly name: string }
  | { readonly do: 'report'; readonly name: string; problem: string }

/** @returns at most one step for each network; none when the host has what the cluster has */
export function decide(situation: Situation): readonly Step[] {
  const { bindings, publications } = situation
  const published = new Map(publications.map((one) => [one.key, one]))
  const bound = new Map(bindings.map((one) => [one.dockerNetwork, one]))
  const here = situation.docker.flatMap((docker) => {
    const binding = bound.get(docker.id)
    return binding === undefined
      ? []
      : stepHere(situation, docker, binding, published.get(binding.network.key))
  })
  const keys = new Map(bindings.map((one) => [one.network.key, one]))
  const missing = publications.flatMap((one) =>
    one.removal === undefined ? stepMissing(situation, one, keys.get(one.key), bound) : [],
  )
  return [...here, ...missing]
}

function stepHere(
  situation: Situation,
  docker: DockerNetwork,
  binding: Binding,
  publication: Publication | undefined,
): Step[] {
  const { name } = docker
  const { isOwed, useOf } = situation
  if (isOwed(binding.network.key)) return [{ do: 'wait', name }]
  if (binding.name === undefined) return [{ do: 'learn', name, docker, binding }]
  if (publication?.name !== name) return [{ do: 'forget', name, binding }]
  if (publication.removal !== undefined)
    return [{ do: 'leave', name, docker, binding, use: useOf(docker, publication) }]
  if (binding.leaving === true) return [{ do: 'stay', name, binding }]
  return stepUnwanted(situation, docker, binding, publication)
}

function stepUnwanted(
  { useOf, self }: Situation,
  docker: DockerNetwork,
  binding: Binding,
  publication: Publication,
): Step[] {
  const { name } = docker
  if (publication.unwanted === undefined) return []
  const isHolding = publication.unwanted.users.includes(self)
  switch (useOf(docker, publication)) {
    case 'none':
      return isHolding ? [{ do: 'let-go', name, binding }] : []
    case 'going':
      return isHolding ? [{ do: 'wait', name }] : []
    case 'old':
      return isHolding ? [] : [{ do: 'hold', name, binding }]
    default:
      return []
  }
}

function stepMissing(
  { docker, isOwed }: Situation,
  publication: Publication,
  binding: Binding | undefined,
  bound: ReadonlyMap<string, Binding>,
): Step[] {
  const { key, name } = publication
  if (binding !== undefined) {
    if (docker.some(({ id }) => id === binding.dockerNetwork)) return []
    const id = binding.dockerNetwork.slice(0, 12)
    return [{ do: 'report', name, problem: `dockerd has lost it: it was ${id} here` }]
  }
  if (isOwed(key)) return [{ do: 'wait', name }]
  const holder = docker.find((other) => other.name === name)
  if (holder === undefined) return [{ do: 'create', name, publication }]
  // One of ours has a step of its own, after which the name may be free.
  if (bound.has(holder.id)) return [{ do: 'wait', name }]
  const problem = `the name is taken on this host by a network of driver ${holder.driver}: remove or rename that one`
  return [{ do: 'report', name, problem }]
}
