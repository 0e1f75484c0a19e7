/** A container's start while a command of the CLI runs beside it on the same host, again and again. */
import type { Host } from '../lab/host.js'
import { start } from './container-start.js'
import type { Row } from './measurement.js'
import { interleaved, median } from './statistics.js'

const ROUNDS = 7

export type Beside = 'nothing' | 'listing' | 'trace' | 'doctor'

const TITLES: Readonly<Record<Beside, string>> = {
  nothing: 'a Node that does nothing',
  listing: 'tsoverlay endpoints',
  trace: 'tsoverlay trace',
  doctor: 'tsoverlay doctor --all-hosts',
}

/** Runs the command, and at its end again, until the container has started. */
async function startBeside(host: Host, network: string, argv: readonly string[]): Promise<number> {
  let isOver = false
  const loop = async (): Promise<void> => {
    while (!isOver) await host.sh(['sh', ...argv], { check: false })
  }
  const looping = loop()
  const ms = await start(host, network)
  isOver = true
  await looping
  return ms
}

/** @param commands what runs beside it, for sh */
export async function besideRows(
  host: Host,
  network: string,
  commands: Readonly<Record<Beside, readonly string[]>>,
  log: (line: string) => void,
): Promise<readonly Row[]> {
  const names = Object.keys(commands) as Beside[]
  const turns = names.map((name) => [name, () => startBeside(host, network, commands[name])])
  const tasks = Object.fromEntries([['alone', () => start(host, network)], ...turns]) as Record<
    Beside | 'alone',
    () => Promise<number>
  >
  const took = await interleaved(ROUNDS, tasks, log)
  const reference = { name: 'alone', value: median(took.alone) }
  return names.map((name): Row => {
    const row = { what: `docker run --rm beside ${TITLES[name]}`, unit: 'ms', reference } as const
    const ours = median(took[name])
    return name === 'nothing' ? { ...row, ours } : { ...row, ours, goal: { is: '<=', value: 1.1 } }
  })
}
