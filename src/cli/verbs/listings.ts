/** `status`, `hosts`, `networks`, `endpoints`. */
import type { EndpointReport } from '../../core/admin/endpoints.js'
import type { HostReport } from '../../core/admin/hosts.js'
import type { NetworkReport } from '../../core/admin/networks.js'
import type { StatusReport } from '../../core/admin/status.js'
import { endpointsTable, hostsTable, networksTable, statusText } from '../tables/listings.js'
import { type AddVerbs, clientOf, examples, listing, print } from '../verb.js'

export const addListings: AddVerbs = (tools) => {
  const { root } = tools
  examples(listing(root, 'status', 'this host: its networks, and what is not well'), [
    ['tsoverlay status', 'is this host well?'],
    ['tsoverlay status --json | jq .store', 'for a script'],
  ]).action(async (_flags, own) => {
    print(tools, own, await clientOf(own).get<StatusReport>('/status'), statusText)
  })
  examples(listing(root, 'hosts', 'hosts of the cluster'), [
    ['tsoverlay hosts', 'who is there, and who is away?'],
  ]).action(async (_flags, own) => {
    print(tools, own, await clientOf(own).get<readonly HostReport[]>('/hosts'), hostsTable)
  })
  examples(listing(root, 'networks', 'networks of the cluster'), [
    ['tsoverlay networks', 'with their subnets, VNIs and hosts'],
  ]).action(async (_flags, own) => {
    print(tools, own, await clientOf(own).get<readonly NetworkReport[]>('/networks'), networksTable)
  })
  examples(listing(root, 'endpoints', "containers' attachments in the cluster"), [
    ['tsoverlay endpoints', 'all'],
    ['tsoverlay endpoints shop', 'those of the network shop'],
  ])
    .argument('[network]', 'those of one network only: its name, identity or key')
    .action(async (network: string | undefined, _flags, own) => {
      const query = network === undefined ? '' : `?network=${encodeURIComponent(network)}`
      const found = await clientOf(own).get<readonly EndpointReport[]>(`/endpoints${query}`)
      print(tools, own, found, endpointsTable)
    })
}
