/**
 * The speed of addresses, asked for at the plugin's socket as dockerd does it, on
 * three hosts with one store.
 */
import type { Host } from '../lab/host.js'
import type { Lab } from '../lab/lab.js'
import { callPlugin } from '../lab/plugin-call.js'
import type { Measurement, Row } from './measurement.js'
import { median } from './statistics.js'

const SPACE = 'tsoverlay-local'
const POOL = '10.20.0.0/16'
const SINGLE = 500
const ALLOCATORS = 50
const MANY = 10_000

async function call(host: Host, method: string, body: object): Promise<Record<string, unknown>> {
  const answer = await callPlugin(host, `IpamDriver.${method}`, body)
  if (answer.status !== 200 || answer.body['Err']) {
    throw new Error(`${method}: ${JSON.stringify(answer.body)}`)
  }
  return answer.body
}

/** Each host holds the pool, as after `docker network create` on it. */
async function hold(host: Host, pool: string): Promise<string> {
  const request = { AddressSpace: SPACE, Pool: pool, SubPool: '', Options: {}, V6: false }
  return String((await call(host, 'RequestPool', request))['PoolID'])
}

async function take(host: Host, PoolID: string): Promise<string> {
  const body = await call(host, 'RequestAddress', { PoolID, Address: '', Options: {} })
  return String(body['Address'])
}

/** One after the other, in blocks that the host has already or claims as it goes. */
async function single(host: Host, pool: string): Promise<readonly number[]> {
  const times: number[] = []
  for (let round = 0; round < SINGLE; round += 1) {
    const before = performance.now()
    await take(host, pool)
    times.push(performance.now() - before)
  }
  return times
}

/** `count` addresses by allocators that are spread over the hosts and do not wait for each other. */
async function crowd(hosts: readonly Host[], pool: string, count: number): Promise<Set<string>> {
  const taken: string[] = []
  let left = count
  const allocator = async (at: number): Promise<void> => {
    const host = hosts[at % hosts.length]
    while (left > 0 && host !== undefined) {
      left -= 1
      taken.push(await take(host, pool))
    }
  }
  await Promise.all(Array.from({ length: ALLOCATORS }, (_, at) => allocator(at)))
  if (taken.length !== count) throw new Error(`${taken.length} of ${count} addresses`)
  return new Set(taken)
}

async function keysOf(lab: Lab): Promise<number> {
  let count = 0
  for (const part of ['blocks', 'addresses', 'asks', 'pools', 'holders']) {
    const argv = ['get', '--prefix', '--keys-only', `/tsoverlay/${part}/`]
    const { stdout } = await lab.etcd.ctl(argv)
    count += stdout.split('\n').filter((line) => line !== '').length
  }
  return count
}

async function measure(lab: Lab): Promise<readonly Row[]> {
  const [one] = lab.hosts as readonly [Host]
  const ids = await Promise.all(lab.hosts.map((host) => hold(host, POOL)))
  const [pool = ''] = ids
  await single(one, pool)
  const middle = median(await single(one, pool))
  const before = performance.now()
  const some = await crowd(lab.hosts, pool, 1_500)
  const parallel = performance.now() - before
  const started = performance.now()
  const many = await crowd(lab.hosts, pool, MANY)
  const seconds = (performance.now() - started) / 1_000
  const keys = await keysOf(lab)
  const all = new Set([...some, ...many]).size
  const blocks = Math.ceil((all + 2 * SINGLE) / 64)
  const allocators = `${ALLOCATORS} allocators on ${lab.hosts.length} hosts`
  return [
    {
      what: `RequestAddress in an own block, median of ${SINGLE}`,
      unit: 'ms',
      ours: middle,
      goal: { is: '<=', value: 1 },
    },
    {
      what: `${allocators}, collisions in ${1_500 + MANY}`,
      unit: '',
      ours: 1_500 + MANY - all,
      goal: { is: '<=', value: 0 },
    },
    { what: 'the first 1,500 of them', unit: 's', ours: parallel / 1_000 },
    {
      what: `${MANY} addresses of a /16`,
      unit: 's',
      ours: seconds,
      goal: { is: '<=', value: 10 },
    },
    {
      what: `IPAM keys in the store for ${all + 2 * SINGLE} addresses (${blocks} full blocks)`,
      unit: '',
      ours: keys,
      goal: { is: '<=', value: 2 * blocks },
    },
  ]
}

export const ipam: Measurement = {
  name: 'ipam',
  title: 'addresses, asked for at the plugins as dockerd does it',
  run: ({ lab }) => measure(lab),
}
