/** Plugin.Activate: asked of v1 plugins only; a managed one has its types in config.json. */
import { Type } from 'typebox'
import { constant, type Method } from './method.js'
import { response } from './schemas.js'

/** moby pkg/plugins/plugins.go Manifest */
const Manifest = response({ Implements: Type.Array(Type.String()) })

export function handshakeMethods(): Method[] {
  return [constant('Plugin.Activate', Manifest, { Implements: ['NetworkDriver', 'IpamDriver'] })]
}
