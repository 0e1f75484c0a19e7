/** Three hosts, one network and a witness container on each: where faults are played. */
import { expectPing } from '../lab/conncheck.js'
import { waitFor } from '../lab/exec.js'
import type { Host } from '../lab/host.js'
import type { Lab } from '../lab/lab.js'
import { LabError } from '../lab/names.js'
import { addressOf, PLUGIN } from '../lab/tsoverlay.js'
import { lookAround } from './look.js'
import { Ping, type Way } from './pings.js'

export const NETWORK = 'blue'
/** What docker may take while nothing helps: the plugin's 9.5 s for a call, twice, and dockerd's own. */
const PATIENCE_MS = 30_000

export class Stage {
  readonly lab: Lab
  /** made on every host by network sync */
  readonly network = NETWORK
  readonly #problems: string[] = []
  readonly #say: (line: string) => void
  readonly #create: (host: Host) => Promise<void>
  readonly #vteps = new Map<string, string>()
  #since = Date.now()

  /** @param create makes the network on the first host; all others get it from there */
  constructor(lab: Lab, say: (line: string) => void, create: (host: Host) => Promise<void>) {
    this.lab = lab
    this.#say = say
    this.#create = create
  }

  /** Network and witnesses; those that are there stay. */
  async prepare(): Promise<void> {
    const known = await this.host(1).docker(['network', 'inspect', NETWORK], { check: false })
    if (known.code !== 0) await this.#create(this.host(1))
    await Promise.all(this.lab.hosts.map((host) => this.#witness(host)))
  }

  /** Powered on, dockerd there, the network, a running witness. */
  async #witness(host: Host): Promise<void> {
    await waitFor(`${host.name}: network ${NETWORK}`, 30_000, async () => {
      const { code } = await host.docker(['network', 'inspect', NETWORK], { check: false })
      return code === 0 || undefined
    })
    const name = witness(host)
    const running = ['inspect', '-f', '{{.State.Running}}', name]
    const state = await host.docker(running, { check: false })
    if (state.stdout.trim() === 'true') return
    if (state.code === 0) await host.docker(['rm', '-f', name])
    await this.run(host, name, ['--restart', 'always'])
  }

  host(index: number): Host {
    return this.lab.host(index)
  }

  /** Starts a container that sleeps, on the network. */
  async run(host: Host, name: string, flags: readonly string[] = []): Promise<void> {
    const run = ['run', '-d', '--name', name, '--net', NETWORK, ...flags]
    await host.docker([...run, 'lab', 'sleep', '36000'], { timeoutMs: PATIENCE_MS })
  }

  /** A docker command that must succeed and must not hang; else it's a problem of the fault's. */
  async must(host: Host, argv: readonly string[], timeoutMs = PATIENCE_MS): Promise<void> {
    const started = Date.now()
    const limit = { check: false, timeoutMs }
    const { code, stderr } = await host.docker(argv, limit)
    this.say(`${host.name}: docker ${argv.join(' ')}: ${Date.now() - started} ms`)
    if (code !== 0) this.problem(`${host.name}: docker ${argv.join(' ')}: ${stderr.trim()}`)
  }

  /** Starts and removes, which must work whatever is the matter. */
  async mustRun(host: Host, name: string, flags: readonly string[] = []): Promise<void> {
    await this.must(host, [
      ...['run', '-d', '--name', name, '--net', NETWORK, ...flags, 'lab', 'sleep', '36000'],
    ])
  }

  async mustRemove(host: Host, name: string): Promise<void> {
    await this.must(host, ['stop', '-t', '0', name])
    await this.must(host, ['rm', name])
  }

  /** Whether a container reaches another's address in 10 s; else it's a problem. */
  async mustReach(from: Host, container: string, to: Host, other: string): Promise<void> {
    try {
      await expectPing(from, container, await addressOf(to, other, NETWORK))
    } catch (error) {
      this.problem(error instanceof Error ? error.message : String(error))
    }
  }

  /** As `mustReach`, asked once, for `missing`. */
  async unreached(
    from: Host,
    container: string,
    to: Host,
    other: string,
  ): Promise<readonly string[]> {
    const address = await addressOf(to, other, NETWORK)
    const ping = ['exec', container, 'ping', '-c', '1', '-W', '1', address]
    const { code } = await from.docker(ping, { check: false, timeoutMs: 10_000 })
    return code === 0 ? [] : [`${from.name}/${container} does not reach ${to.name}/${other}`]
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

  /** Starts the pings and waits until each was answered. */
  async pings(ways: readonly Way[]): Promise<Ping[]> {
    const pings = await Promise.all(ways.map((way) => this.#ping(way)))
    await Promise.all(pings.map((ping) => ping.answered()))
    return pings
  }

  async #ping([from, to]: Way): Promise<Ping> {
    const [host, other] = [this.host(from), this.host(to)]
    const format = ['inspect', '-f', '{{.State.Pid}}', witness(host)]
    const pid = (await host.docker(format)).stdout.trim()
    return new Ping(host, pid, await addressOf(other, witness(other), NETWORK))
  }

  /** The host has another underlay address. */
  moved(host: Host, address: string): void {
    this.#vteps.set(host.name, address)
  }

  /** @returns what is there and should not, or the other way round */
  lookAround(): Promise<readonly string[]> {
    return lookAround(this.lab, NETWORK, (host) => this.#vteps.get(host.name) ?? host.address)
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

export const witness = (host: Host): string => `w-${host.name}`

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
