/**
 * docs/tour.md: every command on it is typed, and has to print what stands below it, but for ids, MACs and
 * indices that differ from run to run. UPDATE=1 writes what is printed now.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import type { Lab } from '../lab/lab.js'
import type { Machine } from '../lab/machine.js'
import { type Piece, pageOf, piecesOf, type Step, steady } from '../tour/page.js'
import { sharedLab } from './shared-lab.js'
import { eventually } from './traces.js'

const FILE = new URL('../../docs/tour.md', import.meta.url)
const FOLDER = '/srv/tour'
const SCRIPTS = ['docker_netns.sh', 'find_links.sh']
const UPDATE = process.env['UPDATE'] === '1'
/** A command that only gives a name to something, for those after it. */
const ASSIGNMENT = /^\w+=\S/

t.test('the tour', async (t) => {
  const lab = await sharedLab(t, 'on')
  await prepare(lab)
  const named = new Map<string, readonly string[]>()
  const pieces: Piece[] = []
  for (const piece of piecesOf(readFileSync(FILE, 'utf8'))) {
    if (typeof piece === 'string') pieces.push(piece)
    else {
      const steps = await play(lab, piece, named)
      pieces.push(steps)
      if (!UPDATE) for (const [at, step] of piece.entries()) compare(t, step, steps[at])
    }
  }
  if (UPDATE) writeFileSync(FILE, pageOf(pieces))
  t.ok(pieces.length > 10, `${pieces.length} pieces`)
})

/** @param named what steps before have given names to, by host */
async function play(
  lab: Lab,
  steps: readonly Step[],
  named: Map<string, readonly string[]>,
): Promise<readonly Step[]> {
  const done: Step[] = []
  for (const step of steps) {
    const names = named.get(step.host) ?? []
    const now = ASSIGNMENT.test(step.command) ? [...names, step.command] : names
    named.set(step.host, now)
    done.push(await typed(lab, step, now))
  }
  return done
}

async function prepare(lab: Lab): Promise<void> {
  await lab.etcd.machine.sh(['mkdir', '-p', FOLDER])
  for (const host of lab.hosts) {
    await host.sh(['mkdir', '-p', FOLDER])
    await host.sh(['install', '-m', '755', '/run/tsoverlay/cli', '/usr/local/bin/tsoverlay'])
    for (const name of SCRIPTS) {
      const input = readFileSync(new URL(`../tour/${name}`, import.meta.url), 'utf8')
      await host.sh(['sh', '-c', `cat >${FOLDER}/${name} && chmod 755 ${FOLDER}/${name}`], {
        input,
      })
    }
  }
}

/** What is wanted comes on all hosts a moment after it was said on one. */
async function typed(lab: Lab, step: Step, names: readonly string[]): Promise<Step> {
  const machine = machineOf(lab, step.host)
  const script = [`cd ${FOLDER}`, ...names, step.command].join('\n')
  const once = async (): Promise<string> => {
    const shell = ['bash', '-c', script]
    const { stdout, stderr } = await machine.sh(shell, { check: false, timeoutMs: 120_000 })
    return ASSIGNMENT.test(step.command) || step.command.startsWith('docker run')
      ? ''
      : ended(stdout + stderr)
  }
  if (isAct(step.command)) return { ...step, printed: await once() }
  const printed = await eventually(
    once,
    (now) => UPDATE || steady(now) === steady(step.printed),
    8_000,
  )
  return { ...step, printed }
}

/** It is done once, and not again until it prints what it should. */
const isAct = (command: string): boolean =>
  /^docker (run|network create|exec \S+ ping)/.test(command)

const ended = (text: string): string => (text === '' || text.endsWith('\n') ? text : `${text}\n`)

function machineOf(lab: Lab, name: string): Pick<Machine, 'sh'> {
  if (name === 'etcd') return lab.etcd.machine
  const host = lab.hosts.find((one) => one.name === name)
  if (host === undefined) throw new Error(`the lab has no ${name}`)
  return host
}

function compare(t: Test, { host, command, printed }: Step, now: Step | undefined): void {
  t.equal(steady(now?.printed ?? ''), steady(printed), `${host}# ${command}`)
}
