/** The whole page. */
import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import { agent, useAnswer } from './agent/agent.js'
import type { Answer } from './agent/answer.js'
import { type Cluster, clusterOf } from './model/cluster.js'
import { type Pair, pairWith } from './model/pair.js'
import { type Rate, Rates } from './model/rates.js'
import { isSame, type Selection } from './model/selection.js'
import { Blocks } from './sections/blocks.js'
import { Details } from './sections/details.js'
import { Doctor } from './sections/doctor.js'
import { Endpoints } from './sections/endpoints.js'
import { Events } from './sections/events.js'
import { Header } from './sections/header.js'
import { MapSection } from './sections/map-section.js'
import { Trace } from './sections/trace.js'
import { Traffic } from './sections/traffic.js'

const NOBODY: Pair = { from: undefined, to: undefined, picking: undefined }

export function App() {
  const { cluster, answer } = useCluster()
  const rates = useRates()
  const [selection, setSelection] = useState<Selection>()
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
            <Events />
            <Blocks />
          </div>
        </div>
        <Traffic cluster={cluster} rates={rates} select={select} />
        <Endpoints cluster={cluster} answer={answer} rates={rates} select={select} trace={trace} />
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
  const [names, status] = [useAnswer(agent.names).value, useAnswer(agent.status)]
  const cluster = useMemo(
    () =>
      clusterOf({
        hosts: hosts.value ?? [],
        networks: networks.value ?? [],
        endpoints: endpoints.value ?? [],
        names: names ?? [],
        status: status.value,
      }),
    [hosts.value, networks.value, endpoints.value, names, status.value],
  )
  const worst = [hosts, networks, endpoints, status].find(({ state }) => state !== 'fresh')
  useTitle(status.value?.host.name)
  return { cluster, answer: worst ?? hosts }
}

function useRates(): ReadonlyMap<string, Rate> {
  const rates = useRef(new Rates())
  const { value } = useAnswer(agent.traffic)
  return useMemo(() => (value === undefined ? new Map() : rates.current.next(value)), [value])
}

function useTitle(host: string | undefined): void {
  useEffect(() => {
    document.title = host === undefined ? 'tsoverlay' : `${host} – tsoverlay`
  }, [host])
}
