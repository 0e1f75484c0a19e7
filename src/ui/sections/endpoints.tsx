/** All endpoints, as a table that can be searched. */
import { useMemo, useState } from 'preact/hooks'
import type { Answer } from '../agent/answer.js'
import type { Cluster, EndpointNode } from '../model/cluster.js'
import type { Rate } from '../model/rates.js'
import type { Select } from '../model/selection.js'
import { plural } from '../model/words.js'
import { Mark } from '../parts/mark.js'
import { Section } from '../parts/section.js'
import { type Column, Table } from '../parts/table.js'
import { type TraceFrom, trafficWords } from './details.js'

interface EndpointsProps {
  readonly cluster: Cluster
  readonly answer: Answer<unknown>
  readonly rates: ReadonlyMap<string, Rate>
  readonly select: Select
  readonly trace: TraceFrom
}

export function Endpoints({ cluster, rates, select, trace }: EndpointsProps) {
  const [wanted, setWanted] = useState('')
  const found = useMemo(() => filter(cluster.endpoints, wanted), [cluster.endpoints, wanted])
  const tools = (
    <div class="search">
      <label for="search">Find</label>
      <input
        id="search"
        type="search"
        placeholder="name, address, host, network"
        value={wanted}
        onInput={({ currentTarget }) => setWanted(currentTarget.value)}
      />
      <span role="status">{plural(found.length, 'endpoint')}</span>
    </div>
  )
  return (
    <Section id="endpoints" title="Endpoints" tools={tools}>
      <Table
        caption="Endpoints of the cluster"
        columns={columnsFor(rates, select, trace)}
        rows={found}
        id={({ id }) => id}
        none={wanted === '' ? 'No container is attached.' : `No endpoint is like "${wanted}".`}
      />
    </Section>
  )
}

function filter(endpoints: readonly EndpointNode[], wanted: string): readonly EndpointNode[] {
  const words = wanted.toLowerCase().split(/\s+/).filter(Boolean)
  if (words.length === 0) return endpoints
  return endpoints.filter((endpoint) => {
    const { title, id, networkName, hostName, addresses, mac } = endpoint
    const text = [title, networkName, hostName, ...addresses, mac].join(' ').toLowerCase()
    // of ids the beginning only: nearly all have a short word such as `db` in them
    return words.every((word) => text.includes(word) || id.startsWith(word))
  })
}

function columnsFor(
  rates: ReadonlyMap<string, Rate>,
  select: Select,
  trace: TraceFrom,
): readonly Column<EndpointNode>[] {
  return [
    {
      head: 'Endpoint',
      cell: ({ id, title }) => (
        <button type="button" class="link" onClick={() => select({ kind: 'endpoint', id })}>
          {title}
        </button>
      ),
    },
    { head: 'State', cell: ({ health }) => <Mark health={health} /> },
    { head: 'Network', cell: ({ networkName }) => networkName },
    { head: 'Host', cell: ({ hostName }) => hostName },
    { head: 'Addresses', cell: ({ addresses }) => <code>{addresses.join(' ')}</code> },
    {
      head: 'Traffic',
      cell: ({ id, own }) => trafficWords(rates.get(id)) ?? (own ? 'not read yet' : 'other host'),
    },
    {
      head: 'Trace',
      cell: ({ id, title }) => (
        <span class="ends">
          <button
            type="button"
            class="link"
            aria-label={`Trace from ${title}`}
            onClick={() => trace('from', id)}
          >
            from
          </button>
          <button
            type="button"
            class="link"
            aria-label={`Trace to ${title}`}
            onClick={() => trace('to', id)}
          >
            to
          </button>
        </span>
      ),
    },
  ]
}
