/** Which machines a lab is made of. */

import {
  DEFAULT_SHARE,
  ETCD_INDEX,
  FIRST_CLIENT_INDEX,
  GATEWAY_INDEX,
  LabError,
  MAX_HOSTS,
  MAX_SEGMENTS,
} from './names.js'
import type { LabOptions } from './options.js'
import type { MachineSpec } from './spec.js'

type Options = Pick<LabOptions, 'hosts' | 'etcd' | 'segments' | 'share' | 'dockerdArgs'>

/**
 * The hosts, between segments a router, and the store's machine on the first segment.
 * @param root lower layer of each disk
 * @throws LabError if there are too few or too many hosts or segments, or a host is not on exactly
 *   one segment.
 */
export function machinesOf(options: Options, root: string): MachineSpec[] {
  const { hosts, segments = [], dockerdArgs = [] } = options
  if (!(Number.isInteger(hosts) && hosts >= 1 && hosts <= MAX_HOSTS)) {
    throw new LabError(`hosts is ${hosts}; a lab has 1 to ${MAX_HOSTS}`)
  }
  checkSegments(hosts, segments)
  const routed = segments.length > 1
  const common = { root, share: options.share ?? DEFAULT_SHARE, routed, args: [] }
  const machines = numbersTo(hosts).map((index): MachineSpec => {
    const on = segments.findIndex((members) => members.includes(index))
    const at = { index, segments: [Math.max(on, 0) + 1] }
    return { ...common, ...at, name: `h${index}`, kind: 'host', args: dockerdArgs }
  })
  if (routed) {
    const at = { index: GATEWAY_INDEX, segments: numbersTo(segments.length) }
    machines.push({ ...common, ...at, name: 'router', kind: 'router' })
  }
  if (options.etcd === true) {
    machines.push({ ...common, name: 'etcd', index: ETCD_INDEX, kind: 'etcd', segments: [1] })
  }
  return machines
}

/** A machine without Docker on a segment of the host's lab. */
export function clientOn(segment: number, { root, share, routed }: MachineSpec): MachineSpec {
  const index = FIRST_CLIENT_INDEX + segment - 1
  const at = { index, segments: [segment] }
  return { root, share, routed, ...at, name: `c${segment}`, kind: 'client', args: [] }
}

/**
 * h1 to hN on segments, with as many on each as can be: 4 on 2 are h1, h2 and h3, h4.
 * @throws LabError if there are more segments than hosts
 */
export function evenly(hosts: number, segments: number): number[][] {
  if (!(Number.isInteger(segments) && segments >= 1 && segments <= hosts)) {
    throw new LabError(`segments is ${segments}; ${hosts} hosts can be on 1 to ${hosts}`)
  }
  const first = (segment: number): number => Math.ceil((segment * hosts) / segments)
  return numbersTo(segments).map((segment) =>
    numbersTo(hosts).slice(first(segment - 1), first(segment)),
  )
}

function checkSegments(hosts: number, segments: LabOptions['segments'] = []): void {
  if (segments.length === 0) return
  if (segments.length > MAX_SEGMENTS) {
    throw new LabError(`${segments.length} segments; a lab has 1 to ${MAX_SEGMENTS}`)
  }
  const named = segments.flat().sort((a, b) => a - b)
  if (named.join() === numbersTo(hosts).join() && !segments.some(({ length }) => length === 0))
    return
  const text = JSON.stringify(segments)
  throw new LabError(`segments ${text} do not have each of 1 to ${hosts} once, and none empty`)
}

const numbersTo = (count: number): number[] => Array.from({ length: count }, (_, at) => at + 1)
