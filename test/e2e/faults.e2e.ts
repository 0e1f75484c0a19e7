/** A few of the faults of `make faults` (docs/faults.md); the whole list takes too long for each change. */
import root from 'tap'
import { ETCD_FAULTS } from '../faults/etcd.js'
import { PARTITION_FAULTS } from '../faults/partition.js'
import { play } from '../faults/play.js'
import { PLUGIN_FAULTS } from '../faults/plugin.js'
import { openStage } from '../faults/settings.js'
import type { Stage } from '../faults/stage.js'

const QUICK = ['plugin-killed', 'etcd-restarted', 'partition-halves']
const scenarios = [...PLUGIN_FAULTS, ...ETCD_FAULTS, ...PARTITION_FAULTS].filter(({ name }) =>
  QUICK.includes(name),
)
let stage: Stage | undefined

root.teardown(() => stage?.lab.down())

for (const scenario of scenarios) {
  root.test(scenario.fault, async (t) => {
    stage ??= await openStage('plain', (line) => root.comment(line))
    const { sent, losses, repairMs, leftovers, problems } = await play(stage, scenario)
    t.same(problems, [])
    t.same(leftovers, [])
    t.not(repairMs, undefined, 'all is well again')
    t.ok(sent > 0)
    t.same(losses, [])
  })
}
