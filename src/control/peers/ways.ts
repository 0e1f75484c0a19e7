/** How this host sends to each of the others, and to which it cannot. */
import { familyOf, type Ip } from '../../core/ip.js'
import type { Logger } from '../../core/ports.js'
import type { Host, HostId, Underlay, Way } from '../../core/types.js'
import { wayTo } from '../../core/way.js'

export class Ways {
  readonly #logger: Logger
  readonly #parted = new Set<HostId>()
  #underlay: Underlay | undefined
  #narrow: ReadonlyMap<Ip, number> = new Map()
  /** A host's record is another object when it changes. */
  #known = new WeakMap<Host, Way>()

  constructor(logger: Logger) {
    this.#logger = logger
  }

  /** @returns whether this host sends by another address family from now on */
  use(underlay: Underlay): boolean {
    const former = this.#underlay
    this.#underlay = underlay
    this.#known = new WeakMap()
    return former === undefined || familyOf(former.vtep) !== familyOf(underlay.vtep)
  }

  /** @param narrow VTEP → what was found to pass on the way there */
  keepTo(narrow: ReadonlyMap<Ip, number>): void {
    this.#narrow = new Map(narrow)
    this.#known = new WeakMap()
  }

  /** @returns undefined for a VTEP of the other address family, which cannot be sent to */
  to(host: Host): Way | undefined {
    const known = this.#known.get(host)
    if (known !== undefined) return known
    if (this.isParted(host)) {
      this.#tellParted(host)
      return undefined
    }
    const way = wayTo(this.#underlay, host.id, host.vtep, this.#narrow.get(host.vtep))
    this.#known.set(host, way)
    return way
  }

  isParted(host: Host): boolean {
    const own = this.#underlay?.vtep
    const parted = own !== undefined && familyOf(host.vtep) !== familyOf(own)
    if (!parted) this.#parted.delete(host.id)
    return parted
  }

  /** Once a host, until it has another VTEP. */
  #tellParted({ id, name, vtep }: Host): void {
    if (this.#parted.has(id)) return
    this.#parted.add(id)
    this.#logger.warn(
      { host: name, vtep, ownFamily: `IPv${familyOf(this.#underlay?.vtep ?? vtep)}` },
      'host not reached, its VTEP is of another address family: set ADVERTISE alike on all hosts',
    )
  }
}
