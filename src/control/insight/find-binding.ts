/** A network of this host by what people call it: pure. */
import { TsoverlayError } from '../../core/errors.js'
import type { Binding } from '../../state/documents.js'
import { homeOf } from '../passes/places.js'

/** With fewer characters the beginning of an id is taken for a name. */
const SHORTEST = 4

/** For people. */
export function nameOf({ name, network }: Pick<Binding, 'name' | 'network'>): string {
  return name ?? network.identity.replace(/^name:/, '')
}

/**
 * @param wanted name, id in docker, identity, key, name of the sandbox, or the beginning of id or key
 * @throws TsoverlayError NETWORK_UNKNOWN that names those that there are, or that it may mean
 */
export function findBinding(bindings: Iterable<Binding>, wanted: string): Binding {
  const all = [...bindings]
  const exact = all.filter((one) =>
    [nameOf(one), one.dockerNetwork, one.network.identity, one.network.key, homeOf(one)].includes(
      wanted,
    ),
  )
  const isBeginning = ({ dockerNetwork, network }: Binding): boolean =>
    wanted.length >= SHORTEST &&
    (dockerNetwork.startsWith(wanted) || network.key.startsWith(wanted))
  const found = exact.length > 0 ? exact : all.filter(isBeginning)
  const [only, second] = found
  if (only !== undefined && second === undefined) return only
  const names = (found.length > 0 ? found : all).map(
    (one) => `${nameOf(one)} (${one.dockerNetwork.slice(0, 12)})`,
  )
  throw new TsoverlayError(
    'NETWORK_UNKNOWN',
    found.length > 0
      ? `"${wanted}" may be any of the networks ${names.sort().join(', ')}`
      : `this host has no network "${wanted}" of tsoverlay; it has ${names.sort().join(', ') || 'none'}`,
  )
}
