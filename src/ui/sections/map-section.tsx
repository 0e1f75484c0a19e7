/** The map, or the same as a table. */
import { useState } from 'preact/hooks'
import type { Answer } from '../agent/answer.js'
import { ClusterMap, FEW } from '../map/cluster-map.js'
import type { Cluster, HostNode } from '../model/cluster.js'
import type { Rate } from '../model/rates.js'
import { isSame, type Select, type Selection } from '../model/selection.js'
import { grouped } from '../model/words.js'
import { Mark } from '../parts/mark.js'
import { Note, Section } from '../parts/section.js'
import { type Column, Table } from '../parts/table.js'
import { totals } from './traffic.js'

interface MapSectionProps {
  readonly cluster: Cluster
  readonly answer: Answer<unknown>
  readonly rates: ReadonlyMap<string, Rate>
  readonly selection: Selection | undefined
  readonly select: Select
  readonly picking: 'from' | 'to' | undefined
}

export function MapSection(props: MapSectionProps) {
  const { cluster, answer, rates, selection, select, picking } = props
  const [asTable, setAsTable] = useState(false)
  const tools = (
    <>
      <p role="status" class="hint">
        {picking === undefined ? null : <Hint picking={picking} />}
      </p>
      <fieldset class="switch">
        <legend class="unseen">How the cluster is shown</legend>
        <button type="button" aria-pressed={!asTable} onClick={() => setAsTable(false)}>
          Map
        </button>
        <button type="button" aria-pressed={asTable} onClick={() => setAsTable(true)}>
          Table
        </button>
      </fieldset>
    </>
  )
  return (
    <Section id="cluster" title="Cluster" tools={tools}>
      {cluster.hosts.length === 0 ? (
        <Note>{answer.state === 'fresh' ? 'No host is there yet.' : 'No host is known yet.'}</Note>
      ) : asTable ? (
        <HostsTable cluster={cluster} select={select} />
      ) : (
        <>
          {cluster.hosts.length > FEW ? (
            <NetworkChips cluster={cluster} selection={selection} select={select} />
          ) : null}
          <ClusterMap
            cluster={cluster}
            rates={totals(rates)}
            selection={selection}
            select={select}
          />
          <Legend />
        </>
      )}
    </Section>
  )
}

/** Beside the heading, where it moves nothing. */
function Hint({ picking }: { readonly picking: 'from' | 'to' }) {
  return (
    <span>
      Choose the endpoint that {picking === 'from' ? 'sends' : 'receives'}: on the map, in the
      details of a host, or in the table of endpoints.
    </span>
  )
}

/** Where hosts are tiles, networks are chosen here; the tiles' bars are in this order. */
function NetworkChips({
  cluster,
  selection,
  select,
}: Pick<MapSectionProps, 'cluster' | 'selection' | 'select'>) {
  return (
    <fieldset class="chips">
      <legend class="unseen">Networks: choose one to see where it is</legend>
      {cluster.networks.map((network) => {
        const own = { kind: 'network', id: network.key } as const
        return (
          <button
            key={network.key}
            type="button"
            aria-pressed={isSame(own, selection)}
            onClick={() => select(own)}
          >
            {network.health.level === 'ok' ? null : <Mark health={network.health} />}
            {network.title}
            <span class="count">{grouped(network.endpoints)}</span>
          </button>
        )
      })}
    </fieldset>
  )
}

function Legend() {
  const marks = [
    { level: 'ok', word: 'ok', why: [] },
    { level: 'warning', word: 'warning', why: [] },
    { level: 'failed', word: 'away or failed', why: [] },
    { level: 'unknown', word: 'not known', why: [] },
  ] as const
  return (
    <p class="legend">
      {marks.map((health) => (
        <Mark key={health.level} health={health} />
      ))}
    </p>
  )
}

function HostsTable({ cluster, select }: Pick<MapSectionProps, 'cluster' | 'select'>) {
  const columns: readonly Column<HostNode>[] = [
    {
      head: 'Host',
      cell: ({ id, title, self }) => (
        <button type="button" class="link" onClick={() => select({ kind: 'host', id })}>
          {title}
          {self ? ' (this host)' : ''}
        </button>
      ),
    },
    { head: 'State', cell: ({ health }) => <Mark health={health} /> },
    { head: 'VTEP', cell: ({ vtep }) => <code>{vtep || 'unknown'}</code> },
    { head: 'Networks', number: true, cell: ({ networks }) => networks },
    { head: 'Endpoints', number: true, cell: ({ endpoints }) => endpoints },
    { head: 'Blocks', number: true, cell: ({ blocks }) => blocks },
    { head: 'What is wrong', cell: ({ health }) => health.why.join(' ') },
  ]
  return (
    <Table
      caption="Hosts of the cluster"
      columns={columns}
      rows={cluster.hosts}
      id={({ id }) => id}
      none="No host is there yet."
    />
  )
}
