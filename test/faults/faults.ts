/**
 * `make faults`: plays the faults one after the other on three Docker hosts and prints what each
 * cost: packets of containers that had nothing to do with it, time until all was right again, and
 * what was left. Exit code 1 if one of them cost what it must not.
 *
 *   node --import tsx test/faults/faults.ts [--json FILE] [NAME…]
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { parseArgs } from 'node:util'
import { Lab } from '../lab/lab.js'
import { BLACKOUTS } from './blackout.js'
import { CLOCK_FAULTS } from './clock.js'
import { CLONE_FAULTS } from './clone.js'
import { DOCKERD_FAULTS } from './dockerd.js'
import { ETCD_FAULTS } from './etcd.js'
import { HOST_FAULTS } from './host.js'
import { MEMBER_FAULTS } from './members.js'
import { PARTITION_FAULTS } from './partition.js'
import { play } from './play.js'
import { PLUGIN_FAULTS } from './plugin.js'
import { RULE_FAULTS } from './rules.js'
import { isGood, type Result, type Scenario, type Setting } from './scenario.js'
import { openStage } from './settings.js'
import type { Stage } from './stage.js'
import { STORE_HOST_FAULTS } from './store-host.js'
import { SWARM_FAULTS } from './swarm.js'
import { tableOf } from './table.js'
import { UNDERLAY_FAULTS } from './underlay.js'

const STANDARD_FILE = 'build/faults/faults.json'
const FAULTS: readonly Scenario[] = [
  ...PLUGIN_FAULTS,
  ...DOCKERD_FAULTS,
  ...HOST_FAULTS,
  ...BLACKOUTS,
  ...ETCD_FAULTS,
  ...STORE_HOST_FAULTS,
  ...PARTITION_FAULTS,
  ...UNDERLAY_FAULTS,
  ...RULE_FAULTS,
  ...CLOCK_FAULTS,
  ...CLONE_FAULTS,
  ...MEMBER_FAULTS,
  ...SWARM_FAULTS,
]

const started = Date.now()
function say(line: string): void {
  const seconds = ((Date.now() - started) / 1_000).toFixed(1).padStart(7)
  process.stdout.write(`${seconds}s  ${line}\n`)
}

/** @throws Error naming what there is */
function chosen(names: readonly string[]): readonly Scenario[] {
  const known = FAULTS.map(({ name }) => name)
  const unknown = names.filter((name) => !known.includes(name))
  if (unknown.length > 0) {
    throw new Error(`no fault is called ${unknown.join(', ')}; there are ${known.join(', ')}`)
  }
  return names.length === 0 ? FAULTS : FAULTS.filter(({ name }) => names.includes(name))
}

/** One after the other; after a bad one on a new lab, so that none suffers from another's. */
async function playAll(scenarios: readonly Scenario[]): Promise<Result[]> {
  const results: Result[] = []
  let stage: Stage | undefined
  let current: Setting = 'plain'
  try {
    for (const [at, scenario] of scenarios.entries()) {
      say(`${at + 1} of ${scenarios.length}: ${scenario.name}: ${scenario.fault}`)
      const setting = scenario.setting ?? 'plain'
      if (stage !== undefined && setting !== current) {
        await stage.lab.down()
        stage = undefined
      }
      current = setting
      stage ??= await openStage(setting, say)
      const result = await play(stage, scenario)
      results.push(result)
      say(tableOf([result]))
      if (isGood(result)) continue
      await stage.lab.down()
      stage = undefined
    }
  } finally {
    await Lab.down()
  }
  return results
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { json: { type: 'string', default: STANDARD_FILE } },
  })
  const names = positionals.flatMap((word) => word.split(',')).filter((name) => name !== '')
  const results = await playAll(chosen(names))
  await mkdir(dirname(values.json), { recursive: true })
  await writeFile(values.json, `${JSON.stringify(results, undefined, 2)}\n`)
  const bad = results.filter((result) => !isGood(result)).length
  process.stdout.write(`\n${tableOf(results)}\n\n${results.length - bad} good, ${bad} bad\n`)
  process.exitCode = bad === 0 && results.length > 0 ? 0 : 1
}

main().catch((error: unknown) => {
  process.stderr.write(`faults: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
})
