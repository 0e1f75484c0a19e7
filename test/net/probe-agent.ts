/**
 * A second host for probes.test.ts, in a process and a network namespace of its own: makes the sandbox
 * of a plan, and answers probes. Usage: probe-agent.ts NETNS_DIR PLAN VTEP
 */
import type { Ip } from '../../src/core/ip.js'
import type { Plan } from '../../src/core/plan.js'
import { createDataplane } from '../../src/dataplane/dataplane.js'
import { silent } from './kernel.js'

const [netnsDir = '', text = '', vtep = ''] = process.argv.slice(2)
const plan = JSON.parse(text) as Plan
const dataplane = await createDataplane({ netnsDir, logger: silent })
await dataplane.apply(plan)
dataplane.hearProbes(plan.place, 'vxlan0', (probe) => {
  process.stdout.write(`${JSON.stringify(probe)}\n`)
  const answer = { ...probe, kind: 'answer' as const, from: vtep as Ip }
  dataplane.sendProbe(answer, { vtep: probe.from, port: 4789 })
})
process.stdout.write('ready\n')
process.stdin.resume()
process.stdin.once('end', async () => {
  await dataplane.remove(plan.place)
  await dataplane.close()
})
