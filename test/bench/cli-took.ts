/** How long commands take on a host of the lab, from outside. */
import type { RunResult } from '../lab/exec.js'
import type { Host } from '../lab/host.js'
import { timed } from './statistics.js'

const LAUNCHER = '/run/tsoverlay/cli'
/** A copy of the launcher that runs `node -e 0` instead of the CLI. */
export const NOTHING = '/tmp/bench-node'
const COPY = `sed 's|"\\$root/app/cli.cjs" "\\$@"|-e 0|' ${LAUNCHER} > ${NOTHING} && grep -q -e '-e 0' ${NOTHING}`
const SLOWEST_MS = 60_000

export async function makeNothing(host: Host): Promise<void> {
  await host.sh(['sh', '-c', COPY])
}

/** @param verb `dns ls` @throws LabError unless it ends with 0, or with one of `codes` */
export async function tsoverlay(
  host: Host,
  verb: string,
  codes: readonly number[] = [0],
): Promise<RunResult> {
  const result = await host.sh(['sh', LAUNCHER, ...verb.split(' ')], {
    check: false,
    timeoutMs: SLOWEST_MS,
  })
  if (codes.includes(result.code)) return result
  throw new Error(`tsoverlay ${verb} ended with ${result.code}: ${result.stderr.trim()}`)
}

/** Wall time (ms). */
export async function tookOf(task: () => Promise<unknown>): Promise<number> {
  return (await timed(task)).ms
}

/** What a way into the lab's host costs is no part of a command. */
export const wayInto = (host: Host) => (): Promise<number> =>
  tookOf(() => host.sh(['sh', '-c', 'exit 0']))

/** The least that any Node costs. */
export const nothingOn = (host: Host) => (): Promise<number> =>
  tookOf(() => host.sh(['sh', NOTHING]))
