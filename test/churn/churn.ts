/**
 * `make churn MINUTES=10 SEED=7`: on three hosts at once, containers of networks of all backends are
 * made, stopped, killed, paused, renamed, connected, disconnected and removed at random, and so are the
 * networks. Between two rounds one host's dockerd is restarted, and at half time a machine is switched on
 * with a copy of another's disk. Pings between containers that nothing is done to lose nothing, one of
 * each backend on each host. Then all hold still, and dockerds, kernels and store must say the same; at
 * the end everything is removed and nothing may be left.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { eventually, kernelTraces, storeKeys } from '../e2e/traces.js'
import { clear } from '../lab/clear.js'
import { dump } from '../lab/diagnostics.js'
import type { Host } from '../lab/host.js'
import { Lab } from '../lab/lab.js'
import { installEverywhere } from '../lab/tsoverlay.js'
import { type Comparison, compareAll } from './agreement.js'
import { cloneHost } from './copy.js'
import { creationOf, draw, LOOP_LABEL, NETWORKS, type Operation, perform } from './operations.js'
import { STEADY, startSteady, whilePinging } from './steady.js'

/** Operations a host. */
const ROUND = 30
/** After each of so many rounds a dockerd is restarted. */
const RESTART_EVERY = 3
/** What was just done may still be on its way to the other hosts. */
const SETTLE_MS = 20_000

interface Tally {
  done: number
  refused: number
  readonly problems: string[]
}

function argument(name: string, standard: number): number {
  const value = Number(process.env[name] || standard)
  if (Number.isFinite(value) && value > 0) return value
  process.stderr.write(`churn: ${name}=${process.env[name]} is not a number above 0\n`)
  process.exit(2)
}

async function work(
  lab: Lab,
  index: number,
  operations: readonly Operation[],
  tally: Tally,
): Promise<void> {
  for (const operation of operations) {
    const verdict = await perform(lab.host(index + 1), operation)
    if (verdict === 'done') tally.done += 1
    else if (verdict === 'refused') tally.refused += 1
    else tally.problems.push(verdict.unexpected)
  }
}

/** What changes while it is looked at is a disagreement like others. */
async function look(lab: Lab): Promise<Comparison> {
  try {
    return await compareAll(lab, [...NETWORKS, ...STEADY])
  } catch (error) {
    return { attachments: 0, found: [error instanceof Error ? error.message : String(error)] }
  }
}

async function settled(lab: Lab): Promise<Comparison> {
  const end = Date.now() + SETTLE_MS
  for (;;) {
    const comparison = await look(lab)
    if (comparison.found.length === 0 || Date.now() > end) return comparison
    await sleep(200)
  }
}

/** As an update of Docker does it: its containers end, and those with a restart policy come back. */
async function restart(host: Host): Promise<void> {
  await host.dockerd.stop()
  await host.dockerd.start()
}

/** What comes and goes by itself never agrees for long. */
async function endLoops(host: Host): Promise<void> {
  const ids = (await host.docker(['ps', '-aq', '--filter', `label=${LOOP_LABEL}`])).stdout
  const list = ids.split('\n').filter(Boolean)
  if (list.length > 0) await host.docker(['rm', '-f', ...list])
}

async function churn(lab: Lab, seed: number, minutes: number, tally: Tally): Promise<void> {
  const end = Date.now() + minutes * 60_000
  const half = Date.now() + minutes * 30_000
  let cloned = false
  for (let round = 1; Date.now() < end; round += 1) {
    const lost = await whilePinging(lab, () =>
      Promise.all(
        lab.hosts.map((_host, index) =>
          work(lab, index, draw(seed + round * 10 + index, ROUND), tally),
        ),
      ),
    )
    if (round % RESTART_EVERY === 0)
      await restart(lab.host(1 + ((seed + round) % lab.hosts.length)))
    await Promise.all(lab.hosts.map(endLoops))
    if (!cloned && Date.now() > half) {
      lost.push(...(await cloneHost(lab.host(1), lab.host(3), lab.host(2))))
      cloned = true
      say('h3 runs with a copy of the disk of h1')
    }
    const comparison = await settled(lab)
    const { attachments } = comparison
    const found = [...lost, ...comparison.found]
    tally.problems.push(...found.map((one) => `round ${round}: ${one}`))
    const left = Math.max(0, Math.ceil((end - Date.now()) / 1_000))
    say(
      `round ${round}: ${tally.done} done, ${tally.refused} refused, ${attachments} attachments compared, ${found.length} problems; ${left} s to go`,
    )
    if (found.length > 0) return
  }
}

async function leftovers(lab: Lab): Promise<string[]> {
  await clear(lab)
  const keys = await eventually(
    () => storeKeys(lab),
    (list) => list.length === 0,
  )
  const kernel = await eventually(
    async () => (await Promise.all(lab.hosts.map(kernelTraces))).flat(),
    (list) => list.length === 0,
  )
  return [...keys, ...kernel].map((one) => `left at the end: ${one}`)
}

const say = (line: string): void => void process.stdout.write(`${line}\n`)

async function main(): Promise<void> {
  const seed = argument('SEED', Math.floor(Math.random() * 1e6) + 1)
  const minutes = argument('MINUTES', 10)
  say(`churn: seed ${seed}, ${minutes} minutes`)
  const tally: Tally = { done: 0, refused: 0, problems: [] }
  const lab = await Lab.up({ hosts: 3, etcd: true, log: say })
  try {
    await installEverywhere(lab, { NETWORK_SYNC: 'on' })
    for (const network of NETWORKS) await lab.host(1).docker(creationOf(network))
    await startSteady(lab)
    await churn(lab, seed, minutes, tally)
    if (tally.problems.length > 0) say(`what the hosts look like: ${await dump(lab, 'churn')}`)
    tally.problems.push(...(await leftovers(lab)))
  } finally {
    await lab.down()
  }
  for (const problem of tally.problems) say(problem)
  say(
    `${tally.done} operations done, ${tally.refused} refused as they should be, ${tally.problems.length} problems, seed ${seed}`,
  )
  process.exitCode = tally.problems.length === 0 ? 0 : 1
}

main().catch((error: unknown) => {
  process.stderr.write(`churn: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
})
