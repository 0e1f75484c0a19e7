/** The address plan: pools, and which host has which of their blocks. */
import { useState } from 'preact/hooks'
import type { BlockReport, PoolReport } from '../../core/admin/pools.js'
import { agent, useAnswer } from '../agent/agent.js'
import { grouped } from '../model/words.js'
import { Meter } from '../parts/meter.js'
import { Section, Tell } from '../parts/section.js'
import { type Column, Table } from '../parts/table.js'

export function Blocks() {
  const answer = useAnswer(agent.pools)
  const [open, setOpen] = useState<string>()
  return (
    <Section id="blocks" title="Pools and blocks">
      <Tell answer={answer} what="the pools">
        {(pools) => {
          const chosen = pools.find((pool) => idOf(pool) === open)
          return (
            <>
              <Table
                caption="Pools of the cluster"
                columns={columnsFor(open, setOpen)}
                rows={pools}
                id={idOf}
                none="No network has a pool yet."
              />
              {chosen === undefined ? null : <BlocksOf pool={chosen} />}
            </>
          )
        }}
      </Tell>
    </Section>
  )
}

/** The same CIDR may stand in several spaces. */
function idOf({ space, pool }: PoolReport): string {
  return `${space} ${pool}`
}

function columnsFor(
  open: string | undefined,
  setOpen: (id: string | undefined) => void,
): readonly Column<PoolReport>[] {
  return [
    {
      head: 'Pool',
      cell: (pool) => {
        const isOpen = idOf(pool) === open
        return (
          <button
            type="button"
            class="link"
            aria-expanded={isOpen}
            onClick={() => setOpen(isOpen ? undefined : idOf(pool))}
          >
            {pool.pool}
          </button>
        )
      },
    },
    { head: 'Networks', cell: ({ networks }) => networks.join(', ') || 'none' },
    { head: 'Blocks held', cell: (pool) => <Meter percent={pool.blocksPercent} alarm /> },
    {
      head: 'Blocks',
      number: true,
      cell: ({ blocks, blocksTotal }) => `${grouped(blocks.length)} of ${grouped(blocksTotal)}`,
    },
    {
      head: 'Addresses used',
      number: true,
      cell: ({ used, usedPercent }) => `${grouped(used)} (${shortPercent(used, usedPercent)})`,
    },
  ]
}

const BLOCK_COLUMNS: readonly Column<BlockReport>[] = [
  { head: 'Block', cell: ({ block }) => <code>{block}</code> },
  { head: 'Host', cell: ({ hostName }) => hostName },
  { head: 'Use', cell: ({ usedPercent }) => <Meter percent={usedPercent} alarm /> },
  {
    head: 'Addresses used',
    number: true,
    cell: ({ used, usedPercent }) => `${grouped(used)} (${shortPercent(used, usedPercent)})`,
  },
]

function BlocksOf({ pool }: { readonly pool: PoolReport }) {
  return (
    <>
      <h3>
        Blocks of {pool.pool} <span class="count">/{pool.blockLength} each</span>
      </h3>
      <Table
        caption={`Blocks of ${pool.pool}`}
        columns={BLOCK_COLUMNS}
        rows={pool.blocks}
        id={({ block }) => block}
        none="No host has a block of it yet."
      />
    </>
  )
}

/** The agent's is rounded. */
function shortPercent(used: number, percent: number): string {
  return used > 0 && percent < 1 ? '<1 %' : `${Math.round(percent)} %`
}
