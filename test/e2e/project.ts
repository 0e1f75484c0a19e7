/** A Compose project on several hosts, some of its services on each, and who of it reaches whom by name. */
import type { Host } from '../lab/host.js'
import type { Lab } from '../lab/lab.js'
import { addressesIn } from './names.js'
import { eventually } from './traces.js'

/** A start of several containers on a busy machine. */
const COMPOSE_MS = 120_000
/** Answers of old containers live 5 s in no cache of the lab; what takes time here is the machine. */
const WITHIN_MS = 40_000

/** A running container of the project. */
export interface Member {
  readonly host: Host
  readonly name: string
  readonly service: string
  readonly id: string
  /** by the networks' names */
  readonly addresses: ReadonlyMap<string, string>
}

export class Project {
  readonly #lab: Lab
  readonly #name: string
  readonly #file: string

  /** @param file the Compose file's text, whose first line is `name: NAME` */
  constructor(lab: Lab, file: string) {
    this.#lab = lab
    this.#name = /^name: (\S+)/.exec(file)?.[1] ?? ''
    this.#file = file
  }

  /** `docker compose …` in the project's directory. @returns what it reports, which is on stderr */
  async compose(host: Host, ...argv: string[]): Promise<string> {
    const folder = `/srv/${this.#name}`
    await host.sh(['sh', '-c', `mkdir -p ${folder} && cat >${folder}/compose.yaml`], {
      input: this.#file,
    })
    const all = ['compose', '--project-directory', folder, ...argv]
    return (await host.docker(all, { timeoutMs: COMPOSE_MS })).stderr
  }

  /** All that run, on all hosts. */
  async members(): Promise<Member[]> {
    return (await Promise.all(this.#lab.hosts.map((host) => this.#membersOn(host)))).flat()
  }

  /**
   * Each asks for each name of each, and fetches a page by it.
   * @returns what does not work, when all does or after a while
   */
  faults(network: string): Promise<string[]> {
    const look = async (): Promise<string[]> => {
      const members = await this.members()
      const wanted = namesOf(members, network)
      return (await Promise.all(members.map((member) => faultsOf(member, wanted)))).flat()
    }
    return eventually(look, (faults) => faults.length === 0, WITHIN_MS)
  }

  async #membersOn(host: Host): Promise<Member[]> {
    const filter = `label=com.docker.compose.project=${this.#name}`
    const ids = (await host.docker(['ps', '-q', '--filter', filter])).stdout.split('\n')
    const running = ids.filter((id) => id !== '')
    if (running.length === 0) return []
    const format =
      '{{.Name}} {{index .Config.Labels "com.docker.compose.service"}} {{.Id}}{{range $name, $net := .NetworkSettings.Networks}} {{$name}} {{$net.IPAddress}}{{end}}'
    const { stdout } = await host.docker(['inspect', '-f', format, ...running], { check: false })
    const lines = stdout.split('\n').filter((line) => line !== '')
    return lines.map((line) => memberOf(host, line))
  }
}

function memberOf(host: Host, line: string): Member {
  const [path = '', service = '', id = '', ...rest] = line.split(' ')
  const addresses = new Map<string, string>()
  for (let at = 0; at < rest.length; at += 2) addresses.set(rest[at] ?? '', rest[at + 1] ?? '')
  return { host, name: path.slice(1), service, id: id.slice(0, 12), addresses }
}

/** name → who has it; their hostnames are on their pages */
function namesOf(members: readonly Member[], network: string): Map<string, [string, Member][]> {
  const names = new Map<string, [string, Member][]>()
  for (const member of members) {
    const address = member.addresses.get(network)
    if (address === undefined) continue
    for (const name of [member.service, member.name, member.id])
      for (const each of [name, `${name}.${network}`])
        names.set(each, [...(names.get(each) ?? []), [address, member]])
  }
  return names
}

async function faultsOf(
  { host, name: from }: Member,
  wanted: ReadonlyMap<string, readonly [string, Member][]>,
): Promise<string[]> {
  const each = 'echo "=== $n"; nslookup $n; echo "page: $(wget -q -T 5 -O - http://$n/)"'
  const script = `for n in ${[...wanted.keys()].join(' ')}; do ${each}; done 2>&1`
  const ask = ['exec', from, 'sh', '-c', script]
  const { stdout } = await host.docker(ask, { check: false, timeoutMs: 60_000 })
  const answers = new Map(
    stdout.split('=== ').map((part) => [part.slice(0, part.indexOf('\n')), part]),
  )
  return [...wanted].flatMap(([name, holders]) => {
    const answer = answers.get(name) ?? ''
    const told = addressesIn(answer).join()
    const addresses = holders.map(([address]) => address).sort()
    const page = /^page: (.*)/m.exec(answer)?.[1]
    const says = `${host.name}/${from}: ${name}`
    return [
      ...(told === addresses.join() ? [] : [`${says} is ${addresses.join()}, told ${told}`]),
      ...(holders.some(([, { id }]) => id === page) ? [] : [`${says} shows "${page}"`]),
    ]
  })
}
