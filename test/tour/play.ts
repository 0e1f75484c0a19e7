/** Types a page's commands on the machines of a lab, and compares what they print with what stands below them. */
import { readFileSync, writeFileSync } from 'node:fs'
import type { Test } from 'tap'
import { eventually } from '../e2e/traces.js'
import type { Lab } from '../lab/lab.js'
import type { Machine } from '../lab/machine.js'
import { labDoes } from './lab-does.js'
import { type Piece, pageOf, piecesOf, type Step, steady, unseenOf } from './page.js'

const FOLDER = '/srv/tour'
const SCRIPTS = ['docker_netns.sh', 'find_links.sh']
const UPDATE = process.env['UPDATE'] === '1'
/** A command that only gives a name to something, for those after it. */
const ASSIGNMENT = /^\w+=\S/

/** What commands before have given names to, by host. */
type Named = Map<string, readonly string[]>

/**
 * Plays a page from its beginning to its end: what its comments have done has to succeed, and what it types to print what stands
 * there. With UPDATE=1 it is written anew instead.
 * @param file its path in docs
 */
export async function playPage(t: Test, lab: Lab, file: string): Promise<void> {
  const url = new URL(`../../docs/${file}`, import.meta.url)
  await prepare(lab)
  const named: Named = new Map()
  const page = piecesOf(readFileSync(url, 'utf8'))
  const played: Piece[] = []
  try {
    for (const piece of page) played.push(await playPiece(t, lab, piece, named))
  } finally {
    if (UPDATE) writeFileSync(url, pageOf([...played, ...page.slice(played.length)]))
  }
  t.ok(played.length > 10, `${played.length} pieces`)
}

async function playPiece(t: Test, lab: Lab, piece: Piece, named: Named): Promise<Piece> {
  if (typeof piece === 'string') {
    for (const step of unseenOf(piece)) await unseen(lab, step)
    return piece
  }
  const steps = await play(lab, piece, named)
  if (!UPDATE) for (const [at, step] of piece.entries()) compare(t, step, steps[at])
  return steps
}

async function unseen(lab: Lab, { host, command }: Step): Promise<void> {
  if (host === 'lab') await labDoes(lab, command)
  else await machineOf(lab, host).sh(['bash', '-c', command], { timeoutMs: 120_000 })
}

async function play(lab: Lab, steps: readonly Step[], named: Named): Promise<readonly Step[]> {
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
      const input = readFileSync(new URL(name, import.meta.url), 'utf8')
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
    const { stdout, stderr, code } = await machine.sh(shell, { check: false, timeoutMs: 120_000 })
    return isSilent(step.command, code) ? '' : ended(stdout + stderr)
  }
  if (isAct(step.command)) return { ...step, printed: await once() }
  const printed = await eventually(
    once,
    (now) => UPDATE || steady(now) === steady(step.printed),
    8_000,
  )
  return { ...step, printed }
}

/** An id is nothing to look at. */
const isSilent = (command: string, code: number): boolean =>
  ASSIGNMENT.test(command) || (command.startsWith('docker run') && code === 0)

/** It is done once, and not again until it prints what it should. */
const isAct = (command: string): boolean =>
  /^(docker (run|network create|exec \S+ ping|plugin|start)|tsoverlay host rm|iptables|etcdctl)/.test(
    command,
  )

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
