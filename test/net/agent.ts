/**
 * A second host for traffic.test.ts: a Dataplane in a process and a network namespace of its own.
 * Reads one plan (JSON) a line from stdin and answers each with its ApplyResult; ends with stdin.
 * Usage: agent.ts NETNS_DIR
 */
import { createInterface } from 'node:readline'
import type { Plan } from '../../src/core/plan.js'
import { createDataplane } from '../../src/dataplane/dataplane.js'
import { silent } from './kernel.js'

const [netnsDir = ''] = process.argv.slice(2)
const dataplane = await createDataplane({ netnsDir, logger: silent })
let sandbox = ''
for await (const line of createInterface({ input: process.stdin })) {
  const plan = JSON.parse(line) as Plan
  sandbox = plan.place
  process.stdout.write(`${JSON.stringify(await dataplane.apply(plan))}\n`)
}
await dataplane.remove(sandbox)
await dataplane.close()
