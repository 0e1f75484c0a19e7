/** Settings of the host's namespace that forward packets, or drop them as coming from the wrong side. */
import type { Ip } from '../../../core/ip.js'
import { contains, prefixLength } from '../../../core/ip.js'
import { HOST } from '../../../core/plan.js'
import type { Dataplane, HostRoute } from '../../../core/ports.js'
import type { Host } from '../../../core/types.js'
import type { Journal } from '../../../state/journal.js'
import { homeOf } from '../../passes/places.js'
import type { Peers } from '../../peers/peers.js'
import type { UnderlaySource } from '../../underlay/underlay-source.js'
import { type Check, type Found, failed, orOk } from '../check.js'

const FORWARD = 'net/ipv4/ip_forward'
const STRICT = '1'
const rpFilter = (dev: string): string => `net/ipv4/conf/${dev}/rp_filter`

export interface SettingsFacts {
  readonly values: ReadonlyMap<string, string>
  /** it has networks whose packets the host itself forwards */
  readonly forwards: boolean
  /** device of the underlay; undefined: not known */
  readonly dev: string | undefined
  /** other hosts, with the device by which the way back leads */
  readonly ways: readonly { readonly host: string; readonly dev: string }[]
}

export interface SettingsParts {
  readonly dataplane: Pick<Dataplane, 'settings' | 'hostRoutes'>
  readonly journal: Pick<Journal, 'bindings'>
  readonly peers: Pick<Peers, 'used'>
  readonly underlay: Pick<UnderlaySource, 'known'>
}

export function settingsCheck({ dataplane, journal, peers, underlay }: SettingsParts): Check {
  return {
    name: 'settings',
    look: async () => {
      const dev = underlay.known?.link?.dev
      const routes = await dataplane.hostRoutes()
      const names = [FORWARD, rpFilter('all'), ...(dev === undefined ? [] : [rpFilter(dev)])]
      return judgeSettings({
        values: dataplane.settings(names),
        forwards: [...journal.bindings.values()].some((each) => homeOf(each) === HOST),
        dev,
        ways: peers.used().flatMap((host) => wayOf(host, routes)),
      })
    },
  }
}

/** None where only the default route leads there. */
function wayOf({ name, vtep }: Host, routes: readonly HostRoute[]): SettingsFacts['ways'] {
  const dev = deviceTo(vtep, routes)
  return dev === undefined || dev === '' ? [] : [{ host: name, dev }]
}

function deviceTo(vtep: Ip, routes: readonly HostRoute[]): string | undefined {
  const leading = routes.filter(({ destination }) => contains(destination, vtep))
  leading.sort((a, b) => prefixLength(b.destination) - prefixLength(a.destination))
  return leading[0]?.dev
}

export function judgeSettings({ values, forwards, dev, ways }: SettingsFacts): readonly Found[] {
  const found: Found[] = []
  if (forwards && values.get(FORWARD) === '0') {
    found.push(
      failed(
        'net.ipv4.ip_forward',
        'it is 0, so the host forwards no packet of routed networks',
        'sysctl -w net.ipv4.ip_forward=1, and in /etc/sysctl.d for the next boot',
      ),
    )
  }
  const isStrict =
    dev !== undefined &&
    [rpFilter('all'), rpFilter(dev)].some((name) => values.get(name) === STRICT)
  for (const way of isStrict ? ways : []) {
    if (way.dev === dev) continue
    found.push(
      failed(
        `net.ipv4.conf.${dev}.rp_filter`,
        `it is strict (1) and the way to host ${way.host} leads by ${way.dev}: what that host sends to ${dev} is dropped`,
        `sysctl -w net.ipv4.conf.all.rp_filter=2 net.ipv4.conf.${dev}.rp_filter=2, or correct the route to that host`,
      ),
    )
  }
  return orOk(found, 'settings of the kernel let packets pass')
}
