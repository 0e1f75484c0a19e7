/** Plays one fault: pings, the fault, the repair, the look around. */
import { dump } from '../lab/diagnostics.js'
import { sleep } from '../lab/exec.js'
import { BACKENDS } from './networks.js'
import type { Count, Ping } from './pings.js'
import type { Result, Scenario } from './scenario.js'
import type { Stage } from './stage.js'

const LIMIT_MS = 60_000

/** @returns what came of it; an error on the way is a problem in there, and the next fault can come */
export async function play(stage: Stage, scenario: Scenario): Promise<Result> {
  let pings: Ping[] = []
  let repairMs: number | undefined
  let leftovers: readonly string[] = ['not looked at']
  const guarded = async (what: string, work: () => Promise<void>): Promise<void> => {
    try {
      await work()
    } catch (error) {
      stage.problem(`${what}: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  stage.use(scenario.backends ?? BACKENDS)
  await guarded('before', async () => {
    await stage.prepare()
    const before = await settled(stage, undefined, LIMIT_MS)
    if (before.leftovers.length > 0) throw new Error(before.leftovers.join('; '))
    await scenario.prepare?.(stage)
    pings = await stage.pings(scenario.steady)
    stage.mark()
    await guarded('fault', () => scenario.play(stage))
    const after = await settled(stage, scenario, scenario.limitMs ?? LIMIT_MS)
    leftovers = after.leftovers
    repairMs = after.repairMs
  })
  const counts = await Promise.all(pings.map((ping) => ping.end()))
  const losses = counts.flatMap(lossOf)
  if (repairMs === undefined || losses.length > 0) {
    stage.say(`diagnostics: ${await dump(stage.lab, `fault-${scenario.name}`)}`)
  }
  await guarded('after', async () => {
    await scenario.restore?.(stage)
    await stage.clear()
    const after = await settled(stage, undefined, leftovers.length === 0 ? LIMIT_MS : 0)
    leftovers = [...new Set([...leftovers, ...after.leftovers])]
  })
  const sum = (pick: 'sent' | 'lost') => counts.reduce((total, count) => total + count[pick], 0)
  const { name, fault, until } = scenario
  const backends = stage.networks
  const problems = stage.takeProblems()
  const found = { repairMs, leftovers, problems, losses }
  return { name, fault, backends, until, sent: sum('sent'), lost: sum('lost'), ...found }
}

const lossOf = ({ what, sent, lost, before }: Count): string[] =>
  lost === 0 ? [] : [`${what}: ${lost} of ${sent} packets lost, after ${before.join(', ')}`]

/** Looks until nothing is left and all is there again. */
async function settled(
  stage: Stage,
  scenario: Scenario | undefined,
  limitMs: number,
): Promise<{ readonly repairMs?: number; readonly leftovers: readonly string[] }> {
  const end = Date.now() + limitMs
  for (;;) {
    const missing = (await scenario?.missing?.(stage).catch((error) => [`${error}`])) ?? []
    const leftovers = [...missing, ...(await stage.lookAround())]
    if (leftovers.length === 0) return { repairMs: stage.sinceMark, leftovers }
    if (Date.now() > end) return { leftovers }
    await sleep(200)
  }
}
