/** `tsoverlay trace` on a host of the lab, and what it prints to put things right. */
import type { Test } from 'tap'
import { brokenAt } from '../../src/core/admin/broken-hop.js'
import type { LiveReport } from '../../src/core/admin/live.js'
import type { Hop, TraceReport } from '../../src/core/admin/trace.js'
import type { Host } from '../lab/host.js'
import type { Lab } from '../lab/lab.js'
import { eventually } from './traces.js'

const CLI = '/run/tsoverlay/cli'
/** Repairs of the agent, and what it hears of other hosts, take so long. */
const SETTLED_MS = 40_000

export interface Traced {
  readonly code: number
  readonly report: TraceReport
}

/** @throws Error when the CLI says something else than a trace */
export async function trace(host: Host, ...argv: readonly string[]): Promise<Traced> {
  const { code, stdout, stderr } = await host.sh(['sh', CLI, 'trace', ...argv, '--json'], {
    check: false,
  })
  if (stdout === '') throw new Error(`${host.name}: trace ${argv.join(' ')}: ${stderr}`)
  return { code, report: JSON.parse(stdout) as TraceReport }
}

export interface TracedLive {
  readonly code: number
  readonly report: LiveReport
}

/** `tsoverlay trace --live`. @throws Error when the CLI says something else */
export async function live(host: Host, ...argv: readonly string[]): Promise<TracedLive> {
  const command = ['sh', CLI, 'trace', '--live', ...argv, '--json']
  const { code, stdout, stderr } = await host.sh(command, { check: false })
  if (stdout === '') throw new Error(`${host.name}: trace --live ${argv.join(' ')}: ${stderr}`)
  return { code, report: JSON.parse(stdout) as LiveReport }
}

/** What a break is to look like. */
export interface Expected {
  readonly on: string
  readonly hop: string
  readonly says: RegExp
}

/** The trace breaks there for that cause, with exit code 3. @returns the hop */
export async function expectBroken(
  t: Test,
  host: Host,
  argv: readonly string[],
  { on, hop, says }: Expected,
): Promise<Hop> {
  const fits = (found: Hop | undefined): found is Hop =>
    found?.hop === hop && found.host === on && says.test(found.says)
  const traced = await eventually(
    () => trace(host, ...argv),
    ({ report }) => fits(brokenAt(report.hops)),
    SETTLED_MS,
  )
  const found = brokenAt(traced.report.hops)
  t.equal(traced.code, 3, 'the exit code says that something is wrong')
  if (!fits(found)) throw new Error(`broken at ${JSON.stringify(found)}, and not ${hop} on ${on}`)
  t.match(found.says, says, `${hop} on ${on}`)
  if (found.mend !== undefined) {
    const { stdout } = await host.sh(['sh', CLI, 'trace', ...argv], { check: false })
    t.match(stdout, `\nmend: on ${found.mend.host}: ${found.mend.command}\n`)
  }
  return found
}

/** Types the command on the host that is named. @returns what it prints @throws when it fails */
export async function mend(lab: Lab, { mend }: Hop): Promise<string> {
  if (mend === undefined) throw new Error('nothing to type is printed')
  const tool = `tsoverlay() { sh ${CLI} "$@"; }`
  const host = lab.hosts.find(({ name }) => name === mend.host)
  if (host === undefined) throw new Error(`there is no host ${mend.host}`)
  const script = `${tool}\n${mend.command}`
  return (await host.sh(['sh', '-ec', script], { timeoutMs: 90_000 })).stdout
}

/** All hops are well, soon, and stay so for the exit code. */
export async function expectWell(t: Test, host: Host, ...argv: readonly string[]): Promise<void> {
  const isWell = ({ code, report }: Traced): boolean =>
    code === 0 && report.hops.every(({ verdict }) => verdict === 'ok')
  const found = await eventually(() => trace(host, ...argv), isWell, SETTLED_MS)
  const others = found.report.hops.filter(({ verdict }) => verdict !== 'ok')
  t.same(others, [], `${argv.join(' ')}: nothing is wrong`)
  t.equal(found.code, 0)
}
