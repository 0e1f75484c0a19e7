/** Three hosts, a network of each backend, a witness container in each on each: where faults are played. */
import { expectPing } from '../lab/conncheck.js'
import { waitFor } from '../lab/exec.js'
import type { Host } from '../lab/host.js'
import type { Lab } from '../lab/lab.js'
import { LabError } from '../lab/names.js'
import { addressOf, PLUGIN } from '../lab/tsoverlay.js'
import { lookAround } from './look.js'
import { BACKENDS, type Backend } from './networks.js'
import { Ping, type Way } from './pings.js'

/** What docker may take while nothing helps: the plugin's 9.5 s for a call, twice, and dockerd's own. */
const PATIENCE_MS = 30_000

/** `docker run` flags, the same for each network or made for it. */
type Flags = readonly string[] | ((network: Backend) => readonly string[])

/**
 * What a scenario starts, removes or reaches by a name is a container in each network, all at once;
 * `containerOf` says how docker knows it.
 */
export class Stage {
  readonly lab: Lab
  /** that are made; network sync makes them on every host. Each is called as its backend */
  readonly #made = new Set<Backend>()
  readonly #problems: string[] = []
  readonly #say: (line: string) => void
  readonly #create: (host: Host, network: Backend) => Promise<void>
  readonly #vteps = new Map<string, string>()
  #networks: readonly Backend[] = BACKENDS
  #since = Date.now()

  /** @param create makes a network on the first host; all others get it from there */
  constructor(
    lab: Lab,
    say: (line: string) => void,
    create: (host: Host, network: Backend) => Promise<void>,
  ) {
    this.lab = lab
    this.#say = say
    this.#create = create
  }

  /** From now on these networks are acted on. Others that are there stay, and are looked at. */
  use(networks: readonly Backend[]): void {
    this.#networks = networks
  }

  get networks(): readonly Backend[] {
    return this.#networks
  }

  /** Networks and witnesses; those that are there stay. */
  async prepare(): Promise<void> {
    for (const network of this.#networks) {
      const known = await this.host(1).docker(['network', 'inspect', network], { check: false })
      if (known.code !== 0) await this.#create(this.host(1), network)
      this.#made.add(network)
    }
    const made = [...this.#made]
    const hosts = this.lab.hosts.map((host) =>
      Promise.all(made.map((network) => this.#witness(host, network))),
    )
    await Promise.all(hosts)
  }

  /** Powered on, dockerd there, the network, a running witness. */
  async #witness(host: Host, network: Backend): Promise<void> {
    await waitFor(`${host.name}: network ${network}`, 30_000, async () => {
      const { code } = await host.docker(['network', 'inspect', network], { check: false })
      return code === 0 || undefined
    })
    const name = containerOf(witness(host), network)
    const running = ['inspect', '-f', '{{.State.Running}}', name]
    const state = await host.docker(running, { check: false })
    if (state.stdout.trim() === 'true') return
    if (state.code === 0) await host.docker(['rm', '-f', name])
    await host.docker(runLine(witness(host), network, ['--restart', 'always']))
  }

  /** Does the same with each network, at once. */
  each<T>(work: (network: Backend) => Promise<T>): Promise<T[]> {
    return Promise.all(this.#networks.map(work))
  }

  host(index: number): Host {
    return this.lab.host(index)
  }

  /** Starts a container that sleeps, on each network. */
  async run(host: Host, name: string, flags: Flags = []): Promise<void> {
    await this.each((network) =>
      host.docker(runLine(name, network, flags), { timeoutMs: PATIENCE_MS }),
    )
  }

  /** A docker command that must succeed and must not hang; else it's a problem of the fault's. */
  async must(host: Host, argv: readonly string[], timeoutMs = PATIENCE_MS): Promise<void> {
    const started = Date.now()
    const limit = { check: false, timeoutMs }
    const { code, stderr } = await host.docker(argv, limit)
    this.say(`${host.name}: docker ${argv.join(' ')}: ${Date.now() - started} ms`)
    if (code !== 0) this.problem(`${host.name}: docker ${argv.join(' ')}: ${stderr.trim()}`)
  }

  /** `docker VERB …` of the container of this name on each network, under the rules of `must`. */
  async mustDo(
    host: Host,
    verb: readonly string[],
    name: string,
    timeoutMs = PATIENCE_MS,
  ): Promise<void> {
    await this.each((network) => this.must(host, [...verb, containerOf(name, network)], timeoutMs))
  }

  /** Starts and removes, which must work whatever is the matter. */
  async mustRun(host: Host, name: string, flags: Flags = []): Promise<void> {
    await this.each((network) => this.must(host, runLine(name, network, flags)))
  }

  async mustRemove(host: Host, name: string): Promise<void> {
    await this.mustDo(host, ['stop', '-t', '0'], name)
    await this.mustDo(host, ['rm'], name)
  }

  /** Address of the container of this name on a network. */
  addressOf(host: Host, name: string, network: Backend): Promise<string> {
    return addressOf(host, containerOf(name, network), network)
  }

  /** Whether a container reaches another's address in 10 s; else it's a problem. */
  async mustReach(from: Host, name: string, to: Host, other: string): Promise<void> {
    await this.each(async (network) => {
      try {
        const address = await this.addressOf(to, other, network)
        await expectPing(from, containerOf(name, network), address)
      } catch (error) {
        this.problem(error instanceof Error ? error.message : String(error))
      }
    })
  }

  /** As `mustReach`, asked once, for `missing`. */
  async unreached(from: Host, name: string, to: Host, other: string): Promise<readonly string[]> {
    const asked = await this.each(async (network) => {
      const address = await this.addressOf(to, other, network)
      const ping = ['ping', '-c', '1', '-W', '1', address]
      const exec = ['exec', containerOf(name, network), ...ping]
      const { code } = await from.docker(exec, { check: false, timeoutMs: 10_000 })
      const way = `${from.name}/${containerOf(name, network)}`
      return code === 0 ? [] : [`${way} does not reach ${to.name}/${containerOf(other, network)}`]
    })
    return asked.flat()
  }

  /** Removes every container but the witnesses, wherever there is a dockerd. */
  async clear(): Promise<void> {
    const list = ['ps', '-aq', '--filter', 'name=^/?x']
    for (const host of this.lab.hosts) {
      const { stdout } = await host.docker(list, { timeoutMs: PATIENCE_MS })
      const ids = stdout.split('\n').filter((id) => id !== '')
      if (ids.length > 0) await this.must(host, ['rm', '-f', ...ids])
    }
  }

  /** Starts the pings, on each network, and waits until each was answered. */
  async pings(ways: readonly Way[]): Promise<Ping[]> {
    const started = ways.map((way) => this.each((network) => this.#ping(way, network)))
    const pings = (await Promise.all(started)).flat()
    await Promise.all(pings.map((ping) => ping.answered()))
    return pings
  }

  async #ping([from, to]: Way, network: Backend): Promise<Ping> {
    const [host, other] = [this.host(from), this.host(to)]
    const name = containerOf(witness(host), network)
    const pid = (await host.docker(['inspect', '-f', '{{.State.Pid}}', name])).stdout.trim()
    const what = `${network}, ${host.name} to ${other.name}`
    return new Ping(host, pid, await this.addressOf(other, witness(other), network), what)
  }

  /** The host has another underlay address. */
  moved(host: Host, address: string): void {
    this.#vteps.set(host.name, address)
  }

  /** @returns what is there and should not, or the other way round */
  lookAround(): Promise<readonly string[]> {
    return lookAround(
      this.lab,
      [...this.#made],
      (host) => this.#vteps.get(host.name) ?? host.address,
    )
  }

  /** From now on the repair is timed. */
  mark(): void {
    this.#since = Date.now()
    this.say('the repair is timed from here')
  }

  /** Milliseconds since `mark`. */
  get sinceMark(): number {
    return Date.now() - this.#since
  }

  problem(text: string): void {
    this.#problems.push(text)
    this.say(`PROBLEM ${text}`)
  }

  /** All problems since the last call. */
  takeProblems(): string[] {
    return this.#problems.splice(0)
  }

  say(line: string): void {
    this.#say(line)
  }
}

/** Name of the witnesses of a host. */
export const witness = (host: Host): string => `w-${host.name}`

/** What docker calls the container of a name on a network. */
export const containerOf = (name: string, network: Backend): string => `${name}-${network}`

function runLine(name: string, network: Backend, flags: Flags): string[] {
  const own = typeof flags === 'function' ? flags(network) : flags
  const named = ['--name', containerOf(name, network), '--net', network]
  return ['run', '-d', ...named, ...own, 'lab', 'sleep', '36000']
}

/** Witnesses of the first two hosts that do not reach each other. */
export async function eachOther(stage: Stage): Promise<readonly string[]> {
  const [one, two] = [stage.host(1), stage.host(2)]
  return [
    ...(await stage.unreached(one, witness(one), two, witness(two))),
    ...(await stage.unreached(two, witness(two), one, witness(one))),
  ]
}

/** Pid of the plugin as the host counts; undefined if it does not run. */
export async function pluginPid(host: Host): Promise<string | undefined> {
  const { stdout } = await host.sh(['pgrep', '-f', '^/usr/bin/node .*/app/main.js'], {
    check: false,
  })
  return stdout.trim().split('\n')[0] || undefined
}

/** Kills the plugin as nobody asks it to. @throws LabError if it does not run */
export async function killPlugin(host: Host): Promise<void> {
  const pid = await pluginPid(host)
  if (pid === undefined) throw new LabError(`${host.name}: the plugin does not run`)
  await host.sh(['kill', '-9', pid])
}

/** `docker plugin disable -f` and `enable`. */
export async function disablePlugin(host: Host): Promise<void> {
  await host.docker(['plugin', 'disable', '-f', PLUGIN], { timeoutMs: 60_000 })
}

export async function enablePlugin(host: Host): Promise<void> {
  await host.docker(['plugin', 'enable', PLUGIN], { timeoutMs: 60_000 })
}
