/** Containers on each host of a lab, and what the router between its segments sees of them. */
import type { Test } from 'tap'
import { pingAll } from '../lab/conncheck.js'
import type { Host } from '../lab/host.js'
import type { Lab } from '../lab/lab.js'
import type { Flow } from '../lab/router.js'
import { addressOf, runSleeper } from '../lab/tsoverlay.js'
import { createOn, inContainer } from './clusterwide.js'

export const VXLAN = 4789

export interface Placed {
  readonly host: Host
  readonly address: string
}

/** A container called as its host on each, which serves its host's name as a page. */
export async function placeAll(
  lab: Lab,
  network: string,
  flags: readonly string[],
): Promise<Placed[]> {
  await createOn(lab.hosts, network, flags)
  return Promise.all(
    lab.hosts.map(async (host) => {
      await runSleeper(host, host.name, network)
      const serve = `mkdir -p /www && echo ${host.name} >/www/index.html && httpd -h /www`
      await inContainer(host, host.name, serve)
      return { host, address: await addressOf(host, host.name, network) }
    }),
  )
}

/** Every pair of two hosts, both ways. */
export const pairsOf = (placed: readonly Placed[]): (readonly [Placed, Placed])[] =>
  placed.flatMap((from) => placed.filter((to) => to !== from).map((to) => [from, to] as const))

/** Ping and a page by TCP between all pairs. @returns what the router forwarded of it */
export function reachAll(t: Test, lab: Lab, placed: readonly Placed[]): Promise<Flow[]> {
  return lab.router.forwarded(async () => {
    const pairs = pairsOf(placed)
    await pingAll(
      pairs.map(([{ host }, { address }]) => ({ from: host, container: host.name, to: address })),
    )
    for (const { host } of placed) {
      const others = placed.filter((one) => one.host !== host)
      const urls = others.map(({ address }) => `http://${address}/`).join(' ')
      const get = `for url in ${urls}; do wget -q -T 5 -O - $url; done`
      const pages = others.map((one) => `${one.host.name}\n`).join('')
      t.equal(await inContainer(host, host.name, get), pages)
    }
  })
}

/** Whether packets of VXLAN went so through the router. */
export const tunnelled = (flows: readonly Flow[], from: string, to: string): boolean =>
  flows.some((flow) => flow.from === from && flow.to === to && flow.port === VXLAN)
