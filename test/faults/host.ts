/** A host loses its power, and comes back or does not. */
import { eventually, storeKeys } from '../e2e/traces.js'
import { waitFor } from '../lab/exec.js'
import type { Host } from '../lab/host.js'
import { missingOf, runPolicies } from './dockerd.js'
import type { Scenario } from './scenario.js'
import type { Stage } from './stage.js'

const OTHERS = [
  [2, 3],
  [3, 2],
] as const

const powerLoss: Scenario = {
  name: 'host-power-loss',
  fault: 'power loss of a host, booted again',
  steady: OTHERS,
  until: 'containers with a restart policy run again, are reached',
  limitMs: 120_000,
  async play(stage) {
    await runPolicies(stage)
    await stage.host(1).powerOff()
    stage.mark()
    await stage.host(1).boot()
  },
  missing: (stage) => missingOf(stage, ['x0', 'x1']),
}

/** `tsoverlay host rm` on a host. */
async function hostRm(on: Host, name: string): Promise<{ code: number; stderr: string }> {
  return on.sh(['/run/tsoverlay/cli', 'host', 'rm', name], { check: false })
}

async function isAnnounced(stage: Stage): Promise<number> {
  const { stdout } = await stage.lab.etcd.ctl([
    'get',
    '--prefix',
    '--keys-only',
    '/tsoverlay/alive/',
  ])
  return stdout.split('\n').filter(Boolean).length
}

const gone: Scenario = {
  name: 'host-gone',
  fault: 'a host never returns: host rm (refused while it runs); in the end it does return',
  steady: OTHERS,
  until: "the others' kernels, the store and the address plan know nothing of it",
  async play(stage) {
    const [lost, other] = [stage.host(1), stage.host(2)]
    await stage.run(lost, 'x0', ['--restart', 'always'])
    const early = await hostRm(other, lost.name)
    if (early.code === 0) stage.problem('a host that runs was removed')
    else stage.say(`host rm ${lost.name} is refused: ${early.stderr.trim()}`)
    await lost.powerOff()
    await waitFor('end of its presence', 40_000, async () =>
      (await isAnnounced(stage)) === 2 ? true : undefined,
    )
    stage.mark()
    const { code, stderr } = await hostRm(other, lost.name)
    if (code !== 0) stage.problem(`host rm ${lost.name}: ${stderr.trim()}`)
  },
  async missing(stage) {
    const blocks = (await storeKeys(stage.lab, 'blocks/')).length
    // One of each of the others in each network.
    return blocks > 2 * stage.networks.length ? [`${blocks} blocks`] : []
  },
  async restore(stage) {
    await stage.host(1).boot()
    stage.say('the removed host is back')
    await eventually(
      () => missingOf(stage, ['x0']).catch((error: unknown) => [String(error)]),
      (missing) => missing.length === 0,
    )
    const missing = await missingOf(stage, ['x0'])
    if (missing.length > 0) stage.problem(`back after its removal: ${missing.join('; ')}`)
  },
}

export const HOST_FAULTS: readonly Scenario[] = [powerLoss, gone]
