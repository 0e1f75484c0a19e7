/** The networks of this host, for who must have one. */
import { TsoverlayError } from '../../core/errors.js'
import type { DockerNetworkId } from '../../core/types.js'
import type { Binding } from '../../state/documents.js'
import type { Journal } from '../../state/journal.js'

/** @throws TsoverlayError NETWORK_UNKNOWN */
export function bindingOf(
  { bindings }: Pick<Journal, 'bindings'>,
  network: DockerNetworkId,
): Binding {
  const binding = bindings.get(network)
  if (binding !== undefined) return binding
  throw new TsoverlayError(
    'NETWORK_UNKNOWN',
    `network ${network} is not known to tsoverlay on this host: remove it with docker network rm and create it again`,
  )
}
