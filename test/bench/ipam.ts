/**
 * `make bench-ipam`: the speed of addresses, asked for at the plugin's socket as dockerd does it, on
 * three hosts with one store. Each figure stands beside its goal.
 */
import type { Host } from '../lab/host.js'
import { Lab } from '../lab/lab.js'
import { callPlugin } from '../lab/plugin-call.js'
import { installEverywhere } from '../lab/tsoverlay.js'

const SPACE = 'tsoverlay-local'
const POOL = '10.20.0.0/16'
const SINGLE = 500
const ALLOCATORS = 50
const MANY = 10_000

interface Figure {
  readonly name: string
  readonly value: string
  readonly goal: string
  readonly met: boolean
}

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

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
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

async function measure(lab: Lab): Promise<readonly Figure[]> {
  const [one] = lab.hosts as readonly [Host]
  const ids = await Promise.all(lab.hosts.map((host) => hold(host, POOL)))
  const [pool = ''] = ids
  await single(one, pool)
  const times = await single(one, pool)
  const middle = median(times)
  const before = performance.now()
  const some = await crowd(lab.hosts, pool, 1_500)
  const parallel = performance.now() - before
  const started = performance.now()
  const many = await crowd(lab.hosts, pool, MANY)
  const seconds = (performance.now() - started) / 1_000
  const keys = await keysOf(lab)
  const all = new Set([...some, ...many]).size
  const blocks = Math.ceil((all + 2 * SINGLE) / 64)
  return [
    {
      name: `RequestAddress in an own block, median of ${SINGLE}`,
      value: `${middle.toFixed(3)} ms`,
      goal: '<= 1 ms',
      met: middle <= 1,
    },
    {
      name: `${ALLOCATORS} allocators on ${lab.hosts.length} hosts, collisions in ${1_500 + MANY}`,
      value: `${1_500 + MANY - all}`,
      goal: '0',
      met: all === 1_500 + MANY,
    },
    {
      name: `the first 1,500 of them`,
      value: `${(parallel / 1_000).toFixed(2)} s`,
      goal: '-',
      met: true,
    },
    {
      name: `${MANY} addresses of a /16`,
      value: `${seconds.toFixed(2)} s`,
      goal: '< 10 s',
      met: seconds < 10,
    },
    {
      name: `IPAM keys in the store for ${all + 2 * SINGLE} addresses (${blocks} full blocks)`,
      value: `${keys}`,
      goal: `<= ${2 * blocks}`,
      met: keys <= 2 * blocks,
    },
  ]
}

function report(figures: readonly Figure[]): void {
  for (const { name, value, goal, met } of figures) {
    const verdict = met ? 'met' : 'NOT MET'
    process.stdout.write(`${name.padEnd(64)}${value.padStart(10)}  ${goal.padEnd(9)} ${verdict}\n`)
  }
  if (figures.some(({ met }) => !met)) process.exitCode = 1
}

async function main(): Promise<void> {
  const log = (line: string): void => void process.stdout.write(`${line}\n`)
  const lab = await Lab.up({ hosts: 3, etcd: true, log })
  try {
    await installEverywhere(lab)
    report(await measure(lab))
  } finally {
    await lab.down()
  }
}

main().catch((error: unknown) => {
  process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
})
