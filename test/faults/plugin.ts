/** The plugin dies, is switched off, is replaced. */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { run, sleep, waitFor } from '../lab/exec.js'
import { PLUGIN, PLUGIN_DIR } from '../lab/tsoverlay.js'
import { statusOf } from './look.js'
import { type Backend, createOf } from './networks.js'
import type { Scenario } from './scenario.js'
import { containerOf, disablePlugin, enablePlugin, killPlugin, type Stage } from './stage.js'

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
async function life(stage: Stage, network: Backend, isOver: () => boolean): Promise<number> {
  const host = stage.host(1)
  const name = containerOf('x0', network)
  const own = `own-${network}`
  const drivers = ['-d', 'tsoverlay', '--ipam-driver', 'tsoverlay', '-o', `backend=${network}`]
  const lines = [
    ['run', '-d', '--name', name, '--net', network, 'lab', 'sleep', '36000'],
    ['network', 'create', ...drivers, own],
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
    const lives = stage.each((network) => life(stage, network, () => over))
    for (let round = 0; round < KILLS; round += 1) {
      await eventuallyAnswers(stage)
      await sleep(SEEN_MS + Math.random() * 1_500)
      await killPlugin(stage.host(1))
    }
    stage.mark()
    over = true
    const done = (await lives).reduce((sum, one) => sum + one, 0)
    stage.say(`${done} docker commands succeeded meanwhile`)
  },
  missing: answers,
}

/** dockerd tries a call to a plugin that is not there for up to 30 s (moby pkg/plugins/client.go). */
const GIVEN_UP_MS = 180_000

/** Removed behind the plugin's back; network sync takes that for a loss, and makes it again. */
const otherOf = (network: Backend): string => `other-${network}`

const disabled: Scenario = {
  name: 'plugin-disabled',
  fault: 'plugin disabled; containers stopped and removed, networks removed; enabled',
  steady: ALL,
  until: 'the plugin answers, what dockerd no longer has is let go',
  // An address whose release dockerd gave up is free after two minutes.
  limitMs: 200_000,
  async prepare(stage) {
    const host = stage.host(1)
    for (const network of stage.networks) await createOf(network, host, otherOf(network))
    for (const name of ['x0', 'x1']) await stage.run(host, name)
  },
  async play(stage) {
    const host = stage.host(1)
    await disablePlugin(host)
    const removeOther = (network: Backend): Promise<void> =>
      stage.must(host, ['network', 'rm', otherOf(network)], GIVEN_UP_MS)
    // Each waits until dockerd has given up Leave, DeleteEndpoint and ReleaseAddress, 15 s apiece.
    await Promise.all([
      stage.mustDo(host, ['stop', '-t', '0'], 'x0', GIVEN_UP_MS),
      stage.mustDo(host, ['rm', '-f'], 'x1', GIVEN_UP_MS),
      stage.each(removeOther),
    ])
    stage.mark()
    await enablePlugin(host)
    await stage.each(async (network) => {
      await waitFor(`network ${otherOf(network)} again`, GIVEN_UP_MS, async () => {
        const inspect = ['network', 'inspect', otherOf(network)]
        return (await host.docker(inspect, { check: false })).code === 0 || undefined
      })
      stage.say(`network sync has brought ${otherOf(network)} back`)
      await removeOther(network)
    })
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

const SECOND = 'local/second'

/** The plugin once more: dockerd takes the same content under one name only. */
async function secondPlugin(): Promise<string> {
  const directory = resolve('build/faults/second')
  await rm(directory, { recursive: true, force: true })
  await mkdir(dirname(directory), { recursive: true })
  await run(['cp', '-al', PLUGIN_DIR, directory])
  const config = join(directory, 'config.json')
  const text = await readFile(config, 'utf8')
  await rm(config) // a link, and what it leads to is another's
  await writeFile(config, text.replace('"description": "', '"description": "second '))
  await writeFile(join(directory, 'rootfs/second'), '')
  return directory
}

const second: Scenario = {
  name: 'plugin-second',
  fault: 'a second plugin enabled on the same host',
  steady: ALL,
  until: 'the second is refused, the first answers',
  async play(stage) {
    const host = stage.host(1)
    const settings = { STORE: stage.lab.etcd.endpoint }
    await host.installPlugin(await secondPlugin(), { name: SECOND, settings, enable: false })
    const enable = ['plugin', 'enable', SECOND]
    const { code } = await host.docker(enable, { check: false, timeoutMs: 60_000 })
    stage.mark()
    if (code === 0) stage.problem('the second plugin was enabled')
    const said = /tsoverlay: [^"\\\\]*/.exec(await host.dockerd.log(200))?.[0]
    if (said === undefined) stage.problem('nothing in the log says why')
    else stage.say(`the log says: ${said}`)
  },
  missing: answers,
  async restore(stage) {
    await stage.host(1).removePlugin(SECOND)
  },
}

export const PLUGIN_FAULTS: readonly Scenario[] = [idle, inCalls, disabled, replaced, second]
