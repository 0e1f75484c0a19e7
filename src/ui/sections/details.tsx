/** All about what is chosen. */
import type { ComponentChildren } from 'preact'
import type { Cluster, EndpointNode, HostNode, NetworkNode } from '../model/cluster.js'
import { groupBy } from '../model/group.js'
import type { Health } from '../model/health.js'
import type { Rate } from '../model/rates.js'
import type { Select, Selection } from '../model/selection.js'
import { grouped, plural, rate } from '../model/words.js'
import { Mark } from '../parts/mark.js'
import { Note } from '../parts/section.js'

export type TraceFrom = (end: 'from' | 'to', id: string) => void

interface DetailsProps {
  readonly cluster: Cluster
  readonly rates: ReadonlyMap<string, Rate>
  readonly selection: Selection | undefined
  readonly select: Select
  readonly trace: TraceFrom
}

const MOST = 40

export function Details(props: DetailsProps) {
  return (
    <section class="section details" id="details" aria-labelledby="details-title">
      <div aria-live="polite">
        <Chosen {...props} />
      </div>
    </section>
  )
}

function Chosen(props: DetailsProps) {
  const { cluster, selection } = props
  const host = selection?.kind === 'host' && cluster.hosts.find(({ id }) => id === selection.id)
  if (host) return <HostDetails {...props} host={host} />
  const network =
    selection?.kind === 'network' && cluster.networks.find(({ key }) => key === selection.id)
  if (network) return <NetworkDetails {...props} network={network} />
  const endpoint = selection?.kind === 'endpoint' && cluster.byId.get(selection.id)
  if (endpoint) return <EndpointDetails {...props} endpoint={endpoint} />
  return (
    <>
      <h2 id="details-title">Details</h2>
      <Note>
        {selection === undefined
          ? 'Choose a host, a network or an endpoint to see all about it.'
          : 'What was chosen is no longer there.'}
      </Note>
    </>
  )
}

function HostDetails({ host, cluster, ...props }: DetailsProps & { readonly host: HostNode }) {
  const own = cluster.endpoints.filter((endpoint) => endpoint.host === host.id)
  const groups = [...groupBy(own, ({ networkName }) => networkName)]
  return (
    <>
      <Head kind="Host" title={host.title} health={host.health} />
      <Facts
        facts={[
          ['VTEP', <code key="vtep">{host.vtep || 'unknown'}</code>],
          ['Id', <code key="id">{host.id}</code>],
          ['Blocks', host.blocks],
        ]}
      />
      {groups.length === 0 ? <Note>It has no endpoints.</Note> : null}
      {groups.map(([name, endpoints]) => (
        <Members key={name} {...props} title={name} endpoints={endpoints} />
      ))}
    </>
  )
}

function NetworkDetails({
  network,
  cluster,
  ...props
}: DetailsProps & { readonly network: NetworkNode }) {
  const own = cluster.endpoints.filter((endpoint) => endpoint.network === network.key)
  return (
    <>
      <Head kind="Network" title={network.title} health={network.health} />
      <Facts
        facts={[
          ['Backend', network.backend],
          ['VNI', network.vnis.join(', ') || 'none'],
          ['Subnets', <code key="subnets">{network.subnets.join(', ')}</code>],
          ['Internal', network.internal ? 'yes' : 'no'],
          ['Hosts', namesOf(network.hosts)],
        ]}
      />
      <Members {...props} title={plural(own.length, 'endpoint')} endpoints={own} />
    </>
  )
}

function namesOf(hosts: readonly string[]): string {
  const shown = hosts.slice(0, 8).join(', ')
  return hosts.length <= 8 ? shown || 'none' : `${shown} and ${hosts.length - 8} more`
}

function EndpointDetails({
  endpoint,
  rates,
  trace,
  select,
}: DetailsProps & { readonly endpoint: EndpointNode }) {
  const { id, title, health, networkName, network, host, hostName, addresses, floating, mac } =
    endpoint
  return (
    <>
      <Head kind="Endpoint" title={title} health={health} />
      <Facts
        facts={[
          ['Addresses', <code key="addresses">{addresses.join(', ')}</code>],
          ...(floating.length === 0
            ? []
            : [['Floating', <code key="floating">{floating.join(', ')}</code>] as const]),
          ['MAC', <code key="mac">{mac}</code>],
          ['Network', link(networkName, () => select({ kind: 'network', id: network }))],
          ['Host', link(hostName, () => select({ kind: 'host', id: host }))],
          [
            'Traffic',
            <Now key="traffic">{trafficWords(rates.get(id)) ?? noTraffic(endpoint)}</Now>,
          ],
          ['Id', <code key="id">{id.slice(0, 12)}</code>],
        ]}
      />
      <p class="actions">
        <button type="button" onClick={() => trace('from', id)}>
          Trace from here
        </button>
        <button type="button" onClick={() => trace('to', id)}>
          Trace to here
        </button>
      </p>
    </>
  )
}

/** What is another word every two seconds, and not to be read out each time. */
function Now({ children }: { readonly children?: ComponentChildren }) {
  return <span aria-live="off">{children}</span>
}

/** A host that is away cannot be asked. */
function noTraffic({ own, health }: EndpointNode): string {
  return own || health.level === 'ok' ? 'not read yet' : 'not known'
}

export function trafficWords(speed: Rate | undefined): string | undefined {
  return speed && `in ${rate(speed.received)}, out ${rate(speed.sent)}`
}

function Head(props: { readonly kind: string; readonly title: string; readonly health: Health }) {
  const { kind, title, health } = props
  return (
    <>
      <p class="kind">
        {kind} <Mark health={health} />
      </p>
      <h2 id="details-title">{title}</h2>
      {health.why.map((why) => (
        <p key={why} class={`why why-${health.level}`}>
          {why}
        </p>
      ))}
    </>
  )
}

type Fact = readonly [name: string, value: ComponentChildren]

function Facts({ facts }: { readonly facts: readonly Fact[] }) {
  return (
    <dl class="facts-list">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  )
}

interface MembersProps {
  readonly title: string
  readonly endpoints: readonly EndpointNode[]
  readonly select: Select
}

function Members({ title, endpoints, select }: MembersProps) {
  return (
    <>
      <h3>
        {title} <span class="count">{grouped(endpoints.length)}</span>
      </h3>
      <ul class="members">
        {endpoints.slice(0, MOST).map(({ id, title: name, addresses, health }) => (
          <li key={id}>
            {link(name, () => select({ kind: 'endpoint', id }))}
            {health.level === 'ok' ? null : <Mark health={health} />}
            <code>{addresses[0]?.split('/')[0]}</code>
          </li>
        ))}
      </ul>
      {endpoints.length > MOST ? (
        <Note>{endpoints.length - MOST} more: the table of endpoints has all.</Note>
      ) : null}
    </>
  )
}

function link(text: string, act: () => void) {
  return (
    <button type="button" class="link" onClick={act}>
      {text}
    </button>
  )
}
