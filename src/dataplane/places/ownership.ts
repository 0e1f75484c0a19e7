/** Which links are of our making, by place. */
import { HOST_LINKS } from '../../core/names.js'
import type { LinkState } from '../rtnl/link-codec.js'
import type { Ownership } from '../tables/link-writer.js'

/** In a namespace of ours; other kinds there are not of our making and stay. */
const OUR_KINDS: readonly string[] = ['bridge', 'vxlan', 'veth']

/** In a namespace of ours all names are ours to give. */
export const IN_SANDBOX: Ownership = {
  owns: ({ kind }) => OUR_KINDS.includes(kind),
  mayReplace: () => true,
}

/** Of a link in the host's namespace. */
export function isHostLink({ kind, name }: Pick<LinkState, 'kind' | 'name'>): boolean {
  return HOST_LINKS.some((ours) => ours.kind === kind && name.startsWith(ours.prefix))
}

/** By name and kind: the name is set in the message that makes the link, so none is ever without. */
export const IN_HOST: Ownership = { owns: isHostLink, mayReplace: isHostLink }
