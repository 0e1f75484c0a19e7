/** `ipam`. */
import type { PoolReport } from '../../core/admin/pools.js'
import { poolsTable, poolText } from '../tables/pools.js'
import { type AddVerbs, clientOf, examples, listing, print } from '../verb.js'

export const addIpam: AddVerbs = (tools) => {
  const ipam = listing(tools.root, 'ipam', 'pools of addresses, their blocks and who has them')
  examples(ipam, [
    ['tsoverlay ipam', 'how full is each pool?'],
    ['tsoverlay ipam 10.20.0.0/16', 'which host decides on which part of it?'],
    ['tsoverlay ipam shop', 'the pools of the network shop'],
  ])
    .argument('[pool]', 'one in full: its subnet, or the name of its network')
    .action(async (pool: string | undefined, _flags, own) => {
      const query = pool === undefined ? '' : `?pool=${encodeURIComponent(pool)}`
      const found = await clientOf(own).get<readonly PoolReport[]>(`/pools${query}`)
      print(tools, own, found, pool === undefined ? poolsTable : poolText)
    })
}
