/** A network of this host by what people call it: pure. */
import { TsoverlayError } from '../../core/errors.js'
import type { Binding } from '../../state/documents.js'
import { homeOf } from '../passes/places.js'

/** With fewer characters the beginning of an id is taken for a name. */
const SHORTEST = 4

/** What docker calls networks, by their ids in docker. */
export type Names = ReadonlyMap<string, string>

/** For people. */
export function nameOf({ name, dockerNetwork, network }: Binding, names: Names): string {
  return names.get(dockerNetwork) ?? name ?? network.identity
}

/**
 * @param wanted name, id in docker, identity, key, name of the sandbox, or the beginning of id or key
 * @throws TsoverlayError NETWORK_UNKNOWN that names those that there are, or that it may mean
 */
export function findBinding(bindings: Iterable<Binding>, wanted: string, names: Names): Binding {
  const all = [...bindings]
  const exact = all.filter((one) =>
    [
      nameOf(one, names),
      one.dockerNetwork,
      one.network.identity,
      one.network.key,
      homeOf(one),
    ].includes(wanted),
  )
  const isBeginning = ({ dockerNetwork, network }: Binding): boolean =>
    wanted.length >= SHORTEST &&
    (dockerNetwork.startsWith(wanted) || network.key.startsWith(wanted))
  const found = exact.length > 0 ? exact : all.filter(isBeginning)
  const [only, second] = found
  if (only !== undefined && second === undefined) return only
  const candidates = (found.length > 0 ? found : all).map(
    (one) => `${nameOf(one, names)} (${one.dockerNetwork.slice(0, 12)})`,
  )
  throw new TsoverlayError(
    'NETWORK_UNKNOWN',
    found.length > 0
      ? `"${wanted}" may be any of the networks ${candidates.sort().join(', ')}`
      : `this host has no network "${wanted}" of tsoverlay; it has ${candidates.sort().join(', ') || 'none'}`,
  )
}
