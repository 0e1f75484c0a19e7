/** Which containers of one host send and receive most: of the one that is chosen, else of this one. */
import type { TrafficReport } from '../../core/admin/traffic.js'
import type { Answer } from '../agent/answer.js'
import type { Cluster, EndpointNode } from '../model/cluster.js'
import type { Rate } from '../model/rates.js'
import type { Select } from '../model/selection.js'
import { bytes, percent, rate } from '../model/words.js'
import { Meter } from '../parts/meter.js'
import { Section, Tell } from '../parts/section.js'
import { type Column, Table } from '../parts/table.js'

export interface ShownTraffic {
  /** the name of another one; undefined: this host */
  readonly host: string | undefined
  readonly answer: Answer<TrafficReport>
}

interface TrafficProps {
  readonly cluster: Cluster
  readonly rates: ReadonlyMap<string, Rate>
  readonly shown: ShownTraffic
  readonly select: Select
}

interface Busy {
  readonly endpoint: EndpointNode
  /** undefined: read once so far */
  readonly speed: Rate | undefined
  readonly received: number
  readonly sent: number
}

const MOST = 10

/** Both ways together. */
export function totals(rates: ReadonlyMap<string, Rate>): ReadonlyMap<string, number> {
  return new Map([...rates].map(([id, { received, sent }]) => [id, received + sent]))
}

export function Traffic({ cluster, rates, shown: { host, answer }, select }: TrafficProps) {
  const whose = host ?? 'this host'
  return (
    <Section id="traffic" title={`Traffic of ${whose}’s endpoints`}>
      <Tell answer={answer} what="the counters">
        {({ endpoints }) => {
          const busy = endpoints
            .flatMap(({ endpoint: id, received, sent }) => {
              const endpoint = cluster.byId.get(id)
              const speed = rates.get(id)
              return endpoint === undefined ? [] : [{ endpoint, speed, received, sent }]
            })
            .sort((a, b) => both(b) - both(a) || b.received + b.sent - a.received - a.sent)
            .slice(0, MOST)
          return (
            <Table
              caption={`The busiest endpoints of ${whose}`}
              columns={columnsFor(busy, select)}
              rows={busy}
              id={({ endpoint }) => endpoint.id}
              none={`No endpoint of ${whose} has a counter.`}
            />
          )
        }}
      </Tell>
    </Section>
  )
}

function both({ speed }: Busy): number {
  return speed === undefined ? 0 : speed.received + speed.sent
}

function columnsFor(busy: readonly Busy[], select: Select): readonly Column<Busy>[] {
  const most = Math.max(1, ...busy.map(both))
  return [
    {
      head: 'Endpoint',
      cell: ({ endpoint: { id, title } }) => (
        <button type="button" class="link" onClick={() => select({ kind: 'endpoint', id })}>
          {title}
        </button>
      ),
    },
    { head: 'Network', cell: ({ endpoint }) => endpoint.networkName },
    { head: 'Share', cell: (row) => <Meter percent={percent(both(row), most)} /> },
    { head: 'Receives', number: true, cell: ({ speed }) => (speed ? rate(speed.received) : '–') },
    { head: 'Sends', number: true, cell: ({ speed }) => (speed ? rate(speed.sent) : '–') },
    { head: 'Received', number: true, cell: ({ received }) => bytes(received) },
    { head: 'Sent', number: true, cell: ({ sent }) => bytes(sent) },
  ]
}
