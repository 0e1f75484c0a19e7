/** The store in a container of a host that other containers run on, too. */
import { eventually } from '../e2e/traces.js'
import { isStoreThere, useLabStore, useStoreOn } from '../lab/store-container.js'
import { missingOf } from './dockerd.js'
import type { Scenario } from './scenario.js'

/** It has to be within 10 s of etcd's first answer; the rest is for a busy machine. */
const LIMIT_MS = 20_000

const rebooted: Scenario = {
  name: 'store-host-rebooted',
  fault: 'power loss of the host on which etcd runs in a container; booted again',
  steady: [
    [2, 3],
    [3, 2],
  ],
  until: 'its containers with a restart policy run again, are reached',
  limitMs: LIMIT_MS,
  async prepare(stage) {
    const host = stage.host(1)
    await useStoreOn(host, stage.lab)
    await stage.run(host, 'x0', ['--restart', 'always'])
    const missing = (): Promise<readonly string[]> => missingOf(stage, ['x0'])
    await eventually(missing, (found) => found.length === 0, 60_000)
  },
  async play(stage) {
    const host = stage.host(1)
    await host.powerOff()
    await host.boot()
    await eventually(() => isStoreThere(host), Boolean, 60_000)
    stage.mark()
  },
  missing: (stage) => missingOf(stage, ['x0']),
  restore: (stage) => useLabStore(stage.host(1), stage.lab),
}

export const STORE_HOST_FAULTS: readonly Scenario[] = [rebooted]
