/** Which links are of our making, by place. */
import type { Ownership } from '../tables/link-writer.js'
import { isHostLink } from './marks.js'

/** In a namespace of ours; other kinds there are not of our making and stay. */
const OUR_KINDS: readonly string[] = ['bridge', 'vxlan', 'veth']

/** In a namespace of ours all names are ours to give. */
export const IN_SANDBOX: Ownership = {
  owns: ({ kind }) => OUR_KINDS.includes(kind),
  mayReplace: () => true,
}

export const IN_HOST: Ownership = { owns: isHostLink, mayReplace: isHostLink }
