/** Pools and their blocks as people read them: pure. */
import type { PoolReport } from '../../core/admin/pools.js'
import { bad, doubtful } from '../colour.js'
import { table } from './table.js'

/** What is nearly used up stands out (percent). */
const FULL = 95
const NEARLY = 80

export function poolsTable(pools: readonly PoolReport[]): string {
  const head = ['POOL', 'NETWORK', 'ADDRESSES', 'USED', 'BLOCKS', 'OF', 'USED', 'HOSTS']
  const rows = pools.map((pool) => [
    pool.pool,
    pool.networks.join(',') || '-',
    numberText(pool.addresses),
    percentText(pool.usedPercent),
    String(pool.blocks.length),
    `${numberText(pool.blocksTotal)} /${pool.blockLength}`,
    percentText(pool.blocksPercent),
    String(pool.holders.length),
  ])
  return table([head, ...rows])
}

/** Some pools in full: what is in use, and each block with its host. */
export function poolText(pools: readonly PoolReport[]): string {
  return pools.map(onePool).join('\n')
}

function onePool(pool: PoolReport): string {
  const of = (part: number, whole: number, percent: number) =>
    `${part} of ${numberText(whole)}, ${percentText(percent)}`
  const facts = [
    ['pool', `${pool.pool}${pool.routed ? ', routed' : ''}`],
    ['network', pool.networks.join(', ') || '-'],
    ['addresses', of(pool.used, pool.addresses, pool.usedPercent)],
    [
      'blocks',
      `${of(pool.blocks.length, pool.blocksTotal, pool.blocksPercent)}, each a /${pool.blockLength}`,
    ],
    ['reserved', pool.reserved.join(', ') || '-'],
    ['holders', pool.holders.join(', ') || '-'],
  ]
  const head = ['BLOCK', 'HOST', 'CONTAINERS', 'USED']
  const rows = pool.blocks.map(({ block, hostName, used, usedPercent }) => [
    block,
    hostName,
    String(used),
    percentText(usedPercent),
  ])
  return `${table(facts)}${rows.length === 0 ? '' : `\n${table([head, ...rows])}`}`
}

function percentText(percent: number): string {
  const text = `${percent} %`
  if (percent >= FULL) return bad(text)
  return percent >= NEARLY ? doubtful(text) : text
}

/** Powers of two where there are too many to count. */
function numberText(value: number): string {
  return value < 1e6 ? String(value) : `2^${Math.round(Math.log2(value))}`
}
