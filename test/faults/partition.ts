/** Hosts and the store are parted, and come together again. */
import { sleep } from '../lab/exec.js'
import { drop, lifeWithout, reached } from './etcd.js'
import type { Scenario } from './scenario.js'
import type { Stage } from './stage.js'

const PARTED_MS = 20_000

async function before(stage: Stage): Promise<void> {
  for (const name of ['x0', 'x1']) await stage.run(stage.host(1), name)
}

/** The half that has the store starts and removes, too. */
async function lifeWith(stage: Stage): Promise<void> {
  const host = stage.host(2)
  await stage.mustRun(host, 'x5')
  await stage.mustRun(host, 'x6')
  await stage.mustRemove(host, 'x5')
}

/** What one half started must be known in the other. */
async function bothReached(stage: Stage): Promise<readonly string[]> {
  return [
    ...(await reached(stage)),
    ...(await stage.unreached(stage.host(1), 'x3', stage.host(2), 'x6')),
    ...(await stage.unreached(stage.host(3), 'w-h3', stage.host(1), 'x3')),
  ]
}

const store: Scenario = {
  name: 'partition-store',
  fault: 'a host parted from etcd only, for 20 s; containers come and go in both halves',
  steady: [
    [1, 2],
    [3, 1],
    [2, 3],
  ],
  until: 'each half reaches what the other has started',
  prepare: before,
  async play(stage) {
    const end = Date.now() + PARTED_MS
    await drop(stage, '-A', stage.host(1))
    try {
      await Promise.all([lifeWithout(stage), lifeWith(stage)])
      await sleep(Math.max(0, end - Date.now()))
    } finally {
      stage.mark()
      await drop(stage, '-D', stage.host(1))
    }
  },
  missing: bothReached,
}

const halves: Scenario = {
  name: 'partition-halves',
  fault: 'a host parted from etcd and all others, for 20 s; containers come and go in both halves',
  steady: [
    [2, 3],
    [3, 2],
  ],
  until: 'each half reaches what the other has started',
  prepare: before,
  async play(stage) {
    const end = Date.now() + PARTED_MS
    await stage.host(1).cut()
    try {
      await Promise.all([lifeWithout(stage), lifeWith(stage)])
      await sleep(Math.max(0, end - Date.now()))
    } finally {
      stage.mark()
      await stage.host(1).heal()
    }
  },
  missing: bothReached,
}

export const PARTITION_FAULTS: readonly Scenario[] = [store, halves]
