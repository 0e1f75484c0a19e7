/** `host rm`. */
import { removeHost } from '../host-rm.js'
import { type AddVerbs, clientOf, examples } from '../verb.js'

export const addHost: AddVerbs = ({ root, terminal }) => {
  const host = root.command('host').description('hosts of the cluster, one by one')
  const rm = host
    .command('rm')
    .description('free all that a host which will not come back has: endpoints, addresses, blocks')
    .argument('<host>', 'its name or id, as in: tsoverlay hosts')
    .option('--force', 'also when it runs')
  examples(rm, [['tsoverlay host rm old-1', 'old-1 was thrown away']]).action(
    async (wanted: string, { force = false }: { force?: boolean }, own) => {
      await removeHost(clientOf(own), wanted, force, terminal)
    },
  )
}
