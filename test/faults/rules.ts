/** Somebody flushes the rules of a host under the running plugin. */
import { eventually } from '../e2e/traces.js'
import type { Host } from '../lab/host.js'
import type { Scenario } from './scenario.js'
import { eachOther } from './stage.js'

/** Docker's own rules come back when it starts, and its DROP with them. */
async function restartDocker(host: Host): Promise<void> {
  await host.dockerd.stop()
  await host.dockerd.start()
}

const flushed: Scenario = {
  name: 'rules-flushed',
  fault: "a host's rules flushed: iptables -F, then nft flush ruleset",
  steady: [
    [2, 3],
    [3, 2],
  ],
  until: 'its containers are reached, our rules stand again',
  async play(stage) {
    const host = stage.host(1)
    await host.sh(['iptables', '-F'])
    const silent = await eventually(
      () => eachOther(stage),
      (found) => found.length === 0,
    )
    for (const each of silent) stage.problem(`after iptables -F: ${each}`)
    stage.mark()
    await host.sh(['nft', 'flush', 'ruleset'])
  },
  missing: eachOther,
  async restore(stage) {
    await restartDocker(stage.host(1))
    await stage.prepare()
  },
}

export const RULE_FAULTS: readonly Scenario[] = [flushed]
