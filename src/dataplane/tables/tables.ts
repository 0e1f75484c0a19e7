/** All tables of one sandbox. */
import type { Plan } from '../../core/plan.js'
import { Announcer } from '../announcer.js'
import { NftTable } from '../nft/table.js'
import type { NeighbourState } from '../rtnl/neighbour-codec.js'
import { EntryTable } from './entry-table.js'
import { FDB } from './fdb.js'
import { FLOATING, floatingElements } from './floating.js'
import { LinkTable } from './links.js'
import { NEIGHBOURS } from './neighbours.js'
import { SOURCE_CHECK, sourceElements } from './source-check.js'
import type { Station } from './stations.js'
import { isMisplaced, STATIONS, stationsOf } from './stations.js'

export class Tables {
  readonly links = new LinkTable()
  readonly announcer = new Announcer()
  readonly neighbours = new EntryTable(NEIGHBOURS, (have, want) => {
    if (have !== undefined) this.announcer.went(have.ip, have.mac)
    if (want !== undefined) this.announcer.came(want)
  })
  readonly fdb = new EntryTable(FDB)
  readonly stations = new EntryTable(STATIONS)
  readonly sources: NftTable
  readonly floating: NftTable
  /** whether announcements of any address are listened for */
  listens = false
  #stations: readonly Station[] = []

  constructor(sandbox: string) {
    this.sources = new NftTable(SOURCE_CHECK, {
      in: 'rules',
      name: `sandbox ${sandbox} source check`,
    })
    this.floating = new NftTable(FLOATING, {
      in: 'rules',
      name: `sandbox ${sandbox} floating addresses`,
    })
  }

  setDesired(plan: Plan): void {
    this.links.setDesired(plan.links)
    this.announcer.setResidents(plan.residents ?? [])
    this.#stations = stationsOf(plan.links)
    this.stations.setDesired(this.#stations)
    this.neighbours.setDesired(plan.neighbours, plan.partial)
    this.fdb.setDesired(plan.fdb, plan.partial)
    this.sources.setDesired(sourceElements(plan.sources))
    this.listens = plan.floating !== undefined
    this.floating.setDesired(floatingElements(plan.floating))
  }

  /** Name of the vxlan device with this ifindex, as of the last apply. */
  vxlanAt(ifindex: number): string | undefined {
    return nameAt(this.links.vxlans, ifindex)
  }

  /** Name of the port with this ifindex, as of the last apply. */
  portAt(ifindex: number): string | undefined {
    return nameAt(this.links.ports, ifindex)
  }

  /** Whether a notice about a bridge is not what it is to know of its containers. */
  isStationContradicted(state: NeighbourState, gone: boolean): boolean {
    const port = nameAt(this.links.ports, state.ifindex)
    if (port !== undefined && this.stations.isContradicted(state, port, gone)) return true
    return !gone && isMisplaced(this.#stations, state, port)
  }
}

function nameAt(devices: ReadonlyMap<string, number>, ifindex: number): string | undefined {
  for (const [dev, index] of devices) {
    if (index === ifindex) return dev
  }
  return undefined
}
