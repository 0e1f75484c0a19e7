/** The start of a container alone, and while a command runs on the same host again and again. */
import { sleep } from '../lab/exec.js'
import type { Host } from '../lab/host.js'
import { NOTHING, tsoverlay } from './cli-took.js'
import { start } from './container-start.js'
import type { Row } from './measurement.js'
import { interleaved, median } from './statistics.js'

const ROUNDS = 9
const MOST = 1.1
/** The command is on its way before the container. */
const LEAD_MS = 300

type Command = () => Promise<unknown>

async function beside(host: Host, network: string, command: Command): Promise<number> {
  let ended = false
  const loop = (async () => {
    while (!ended) await command()
  })()
  try {
    await sleep(LEAD_MS)
    return await start(host, network)
  } finally {
    ended = true
    await loop
  }
}

/** @param verbs by how rows call them; exit codes 0 and 3 are both right */
export async function startsBeside(
  host: Host,
  network: string,
  verbs: Readonly<Record<string, string>>,
  log: (line: string) => void,
): Promise<readonly Row[]> {
  const commands: Readonly<Record<string, Command>> = {
    'node -e 0': () => host.sh(['sh', NOTHING]),
    ...Object.fromEntries(
      Object.entries(verbs).map(([name, verb]) => [name, () => tsoverlay(host, verb, [0, 3])]),
    ),
  }
  const turns = Object.fromEntries(
    Object.entries(commands).map(([name, command]) => [name, () => beside(host, network, command)]),
  )
  const took = await interleaved(ROUNDS, { ...turns, alone: () => start(host, network) }, log)
  const reference = { name: 'alone', value: median(took.alone) }
  return Object.keys(commands).map((name): Row => {
    const what = `docker run --rm, beside ${name} again and again`
    const ours = median(took[name as 'alone'] ?? [])
    const row = { what, unit: 'ms', ours, reference } as const
    return name in verbs ? { ...row, goal: { is: '<=', value: MOST } } : row
  })
}
