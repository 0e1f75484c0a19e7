/** The plugin dies, is switched off, is replaced. */
import { sleep } from '../lab/exec.js'
import { PLUGIN, PLUGIN_DIR } from '../lab/tsoverlay.js'
import { statusOf } from './look.js'
import type { Scenario } from './scenario.js'
import { disablePlugin, enablePlugin, killPlugin, NETWORK, type Stage } from './stage.js'

/** It answers, which it does not before dockerd has started it again. */
async function answers(stage: Stage): Promise<readonly string[]> {
  await statusOf(stage.host(1))
  return []
}

const ANSWERS = 'the plugin answers'
const ALL = [
  [1, 2],
  [3, 1],
  [2, 3],
] as const

/**
 * dockerd looks for the socket of a plugin that it has started, then every 3 s. One that dies again
 * before it was seen is given up and disabled (moby daemon/pkg/plugin/manager_linux.go
 * pluginPostStart), which no plugin can help.
 */
const SEEN_MS = 4_000

const idle: Scenario = {
  name: 'plugin-killed',
  fault: 'plugin killed (-9), three times, idle',
  steady: ALL,
  until: ANSWERS,
  async play(stage) {
    for (let round = 0; round < 3; round += 1) {
      await eventuallyAnswers(stage)
      await sleep(SEEN_MS)
      stage.mark()
      await killPlugin(stage.host(1))
    }
  },
  missing: answers,
}

async function eventuallyAnswers(stage: Stage): Promise<void> {
  const end = Date.now() + 30_000
  for (;;) {
    try {
      await statusOf(stage.host(1))
      return
    } catch (error) {
      if (Date.now() > end) throw error
      await sleep(50)
    }
  }
}

/** Commands that call every method of both drivers, again and again until `isOver`. */
async function life(stage: Stage, slot: number, isOver: () => boolean): Promise<number> {
  const host = stage.host(1)
  const name = `x${slot}`
  const own = `net${slot}`
  const lines = [
    ['run', '-d', '--name', name, '--net', NETWORK, 'lab', 'sleep', '36000'],
    ['network', 'create', '-d', 'tsoverlay', '--ipam-driver', 'tsoverlay', own],
    ['network', 'connect', own, name],
    ['restart', '-t', '0', name],
    ['network', 'disconnect', own, name],
    ['stop', '-t', '0', name],
    ['rm', '-f', name],
    ['network', 'rm', own],
  ]
  let done = 0
  while (!isOver()) {
    for (const line of lines) {
      // Whatever docker says of a plugin that dies in the middle; hanging is not allowed.
      const { code } = await host.docker(line, { check: false, timeoutMs: 60_000 })
      if (code === 124) stage.problem(`docker ${line.join(' ')} hangs`)
      if (code === 0) done += 1
    }
  }
  await host.docker(['rm', '-f', name], { check: false })
  await host.docker(['network', 'rm', own], { check: false })
  return done
}

const KILLS = 10
const inCalls: Scenario = {
  name: 'plugin-killed-in-calls',
  fault: `plugin killed (-9), ${KILLS} times, amid run, connect, restart, stop, rm, network create, rm`,
  steady: ALL,
  until: ANSWERS,
  // An address that was handed out in the moment of a death is free again after two minutes.
  limitMs: 200_000,
  async play(stage) {
    let over = false
    const lives = [0, 1].map((slot) => life(stage, slot, () => over))
    for (let round = 0; round < KILLS; round += 1) {
      await eventuallyAnswers(stage)
      await sleep(SEEN_MS + Math.random() * 1_500)
      await killPlugin(stage.host(1))
    }
    stage.mark()
    over = true
    const done = (await Promise.all(lives)).reduce((sum, one) => sum + one, 0)
    stage.say(`${done} docker commands succeeded meanwhile`)
  },
  missing: answers,
}

/** dockerd tries a call to a plugin that is not there for up to 30 s (moby pkg/plugins/client.go). */
const GIVEN_UP_MS = 180_000

const disabled: Scenario = {
  name: 'plugin-disabled',
  fault: 'plugin disabled; meanwhile containers stopped and removed, networks removed; enabled',
  steady: ALL,
  until: ANSWERS,
  async play(stage) {
    const host = stage.host(1)
    await host.docker(['network', 'create', '-d', 'tsoverlay', '--ipam-driver', 'tsoverlay', 'red'])
    await host.docker(['run', '-d', '--name', 'x2', '--net', 'red', 'lab', 'sleep', '36000'])
    for (const name of ['x0', 'x1']) await stage.run(host, name)
    await disablePlugin(host)
    // Each waits until dockerd has given up Leave, DeleteEndpoint and ReleaseAddress, 15 s apiece.
    await Promise.all([
      stage.must(host, ['stop', '-t', '0', 'x0'], GIVEN_UP_MS),
      stage.must(host, ['rm', '-f', 'x1'], GIVEN_UP_MS),
      stage.must(host, ['rm', '-f', 'x2'], GIVEN_UP_MS),
    ])
    const { code } = await host.docker(['network', 'rm', 'red'], { check: false })
    stage.say(`network rm without the plugin: ${code === 0 ? 'done' : 'refused'}`)
    stage.mark()
    await enablePlugin(host)
    if (code !== 0) await stage.must(host, ['network', 'rm', 'red'])
  },
  missing: answers,
}

const replaced: Scenario = {
  name: 'plugin-replaced',
  fault: 'plugin disabled, removed, created, enabled, containers running',
  steady: ALL,
  until: 'the plugin answers, and a new container reaches the others',
  async play(stage) {
    const host = stage.host(1)
    const { stdout } = await host.docker([
      'plugin',
      'inspect',
      '-f',
      '{{json .Settings.Env}}',
      PLUGIN,
    ])
    const pairs = (JSON.parse(stdout) as string[]).map((pair) => pair.split(/=(.*)/s).slice(0, 2))
    await disablePlugin(host)
    await host.removePlugin(PLUGIN)
    stage.mark()
    await host.installPlugin(PLUGIN_DIR, { name: PLUGIN, settings: Object.fromEntries(pairs) })
    await stage.mustRun(host, 'x0')
    await stage.mustReach(host, 'x0', stage.host(2), 'w-h2')
    await stage.mustReach(stage.host(3), 'w-h3', host, 'x0')
    await stage.mustRemove(host, 'x0')
  },
  missing: answers,
}

export const PLUGIN_FAULTS: readonly Scenario[] = [idle, inCalls, disabled, replaced]
