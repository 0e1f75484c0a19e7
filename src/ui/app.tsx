/** The whole page. */
import { useEffect, useMemo, useState } from 'preact/hooks'
import { agent, useAnswer, useTraffic } from './agent/agent.js'
import type { Answer } from './agent/answer.js'
import { type Cluster, clusterOf, type HostNode } from './model/cluster.js'
import { type Pair, pairWith } from './model/pair.js'
import { type Rate, Rates } from './model/rates.js'
import { hostToAsk, isSame, type Selection } from './model/selection.js'
import { Blocks } from './sections/blocks.js'
import { Details } from './sections/details.js'
import { Doctor } from './sections/doctor.js'
import { Endpoints } from './sections/endpoints.js'
import { Events } from './sections/events.js'
import { Header } from './sections/header.js'
import { MapSection } from './sections/map-section.js'
import { Trace } from './sections/trace.js'
import { type ShownTraffic, Traffic } from './sections/traffic.js'

const NOBODY: Pair = { from: undefined, to: undefined, picking: undefined }

export function App() {
  const { cluster, answer } = useCluster()
  const [selection, setSelection] = useState<Selection>()
  const { rates, shown } = useShownTraffic(hostToAsk(cluster, selection))
  const [pair, setPair] = useState<Pair>(NOBODY)
  const select = (chosen: Selection | undefined): void => {
    if (chosen?.kind === 'endpoint' && pair.picking !== undefined) {
      setPair(pairWith(pair, chosen.id))
    }
    // while two are picked, a second click on the same endpoint is no wish to let go of it
    setSelection(isSame(chosen, selection) ? undefined : chosen)
  }
  const trace = (end: 'from' | 'to', id: string): void =>
    setPair(pairWith({ ...pair, picking: end }, id))
  return (
    <>
      <Header cluster={cluster} answer={answer} />
      <main>
        <div class="stage">
          <MapSection
            cluster={cluster}
            answer={answer}
            rates={rates}
            selection={selection}
            select={select}
            picking={pair.picking}
          />
          <Details
            cluster={cluster}
            rates={rates}
            selection={selection}
            select={select}
            trace={trace}
          />
        </div>
        <div class="columns">
          <div class="column">
            <Trace cluster={cluster} pair={pair} setPair={setPair} />
            <Doctor />
          </div>
          <div class="column">
            <Events cluster={cluster} />
            <Blocks />
          </div>
        </div>
        <Endpoints cluster={cluster} answer={answer} rates={rates} select={select} trace={trace} />
        <Traffic cluster={cluster} rates={rates} shown={shown} select={select} />
      </main>
    </>
  )
}

/** What the listings say together, drawn anew only when one of them has changed. */
function useCluster(): { readonly cluster: Cluster; readonly answer: Answer<unknown> } {
  const [hosts, networks, endpoints] = [
    useAnswer(agent.hosts),
    useAnswer(agent.networks),
    useAnswer(agent.endpoints),
  ]
  const status = useAnswer(agent.status)
  const cluster = useMemo(
    () =>
      clusterOf({
        hosts: hosts.value ?? [],
        networks: networks.value ?? [],
        endpoints: endpoints.value ?? [],
        status: status.value,
      }),
    [hosts.value, networks.value, endpoints.value, status.value],
  )
  const worst = [hosts, networks, endpoints, status].find(({ state }) => state !== 'fresh')
  useTitle(status.value?.host.name)
  return { cluster, answer: worst ?? hosts }
}

/** Of this host always, and beside it of another one that is chosen. */
function useShownTraffic(other: HostNode | undefined) {
  const own = useRates(undefined)
  const theirs = useRates(other?.id)
  const rates = useMemo(() => new Map([...own.rates, ...theirs.rates]), [own.rates, theirs.rates])
  const shown: ShownTraffic = { host: other?.title, answer: theirs.answer }
  return { rates, shown }
}

/** Two hosts have two clocks, so each has its own. */
function useRates(host: string | undefined) {
  const answer = useTraffic(host)
  const { value } = answer
  const made = useMemo(() => new Rates(), [host])
  const rates = useMemo(
    (): ReadonlyMap<string, Rate> => (value === undefined ? new Map() : made.next(value)),
    [made, value],
  )
  return { answer, rates }
}

function useTitle(host: string | undefined): void {
  useEffect(() => {
    document.title = host === undefined ? 'tsoverlay' : `${host} – tsoverlay`
  }, [host])
}
