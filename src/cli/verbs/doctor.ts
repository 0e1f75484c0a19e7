/** `doctor`. */
import type { DoctorLine, Finding } from '../../core/admin/doctor.js'
import type { AdminClient } from '../client.js'
import { EXIT } from '../failure.js'
import { Progress } from '../progress.js'
import { findingsTable } from '../tables/findings.js'
import type { Terminal } from '../terminal.js'
import { type AddVerbs, clientOf, examples, listing, print } from '../verb.js'

interface Flags {
  readonly allHosts?: boolean
  readonly verbose?: boolean
}

export const addDoctor: AddVerbs = (tools) => {
  const doctor = listing(tools.root, 'doctor', 'what is not well here, and what mends it')
    .option('--all-hosts', 'have every host of the cluster look')
    .option('--verbose', 'also what is well')
  examples(doctor, [
    ['tsoverlay doctor', 'this host, its ways to the others, and the cluster'],
    ['tsoverlay doctor --all-hosts', 'each host looks'],
    ['tsoverlay doctor --all-hosts || page-me', 'exit code 3: something has failed'],
  ]).action(async ({ allHosts = false, verbose = false }: Flags, own) => {
    const path = allHosts ? '/doctor?hosts=all' : '/doctor'
    const found = await findingsOf(clientOf(own), path, tools.terminal)
    print(tools, own, found, (all) => findingsTable(all, verbose))
    if (found.some(({ verdict }) => verdict === 'failed')) tools.exitWith(EXIT.found)
  })
}

async function findingsOf(
  client: AdminClient,
  path: string,
  terminal: Terminal,
): Promise<readonly Finding[]> {
  const progress = new Progress(terminal, 'doctor', 'the plugin')
  const found: Finding[] = []
  try {
    for await (const line of client.follow<DoctorLine>(path, new AbortController().signal)) {
      if ('finding' in line) found.push(line.finding)
      else if ('progress' in line) progress.at(line.progress)
      else throw new Error(line.error.message)
    }
    return found
  } finally {
    progress.end()
  }
}
