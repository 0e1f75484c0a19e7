import { spawn } from 'node:child_process'
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { bootScript, INIT_SCRIPT, resolvConf, SERVICES } from './boot-script.js'
import { type Cable, cablesOf } from './cables.js'
import { hierarchies, makeCgroups, thaw } from './cgroup.js'
import { type RunOptions, type RunResult, run, waitFor } from './exec.js'
import {
  address6Of,
  addressOf,
  gatewayOf,
  INSIDE_DIR,
  LabError,
  machineDir,
  netnsOf,
} from './names.js'
import { isCablePlugged, letForward, plugIn, setCable, unplug } from './network.js'
import { identify, type ProcessId, signal, waitGone } from './processes.js'
import { Service } from './service.js'
import type { MachineSpec } from './spec.js'
import { readInit, writeInit } from './state.js'

const BOOT_TIMEOUT_MS = 20_000
/** /etc/machine-id of a machine: the same at each boot, and no other machine's. */
const machineId = (index: number): string => index.toString(16).padStart(32, '7501ab')

/**
 * A computer of the lab: namespaces of its own, a disk that survives power loss, a cable to the
 * bridge of its segment, and one service that its init starts. It runs detached from this process.
 */
export class Machine {
  readonly spec: MachineSpec
  readonly name: string
  readonly address: string
  readonly service: Service
  /** Its layer 2, counted from 1; the router's first. */
  readonly segment: number
  readonly #cables: readonly Cable[]

  constructor(spec: MachineSpec) {
    this.spec = spec
    this.name = spec.name
    this.segment = spec.segments[0] ?? 1
    this.address = addressOf(spec.index, this.segment)
    this.service = new Service(this, SERVICES[spec.kind].command)
    this.#cables = cablesOf(spec)
  }

  get address6(): string {
    return address6Of(this.spec.index, this.segment)
  }

  /** Whom its default route leads to. */
  get gateway(): string {
    return gatewayOf(this.segment)
  }

  isOn(): boolean {
    return readInit(this.name) !== undefined
  }

  /** Pid of its first process, as the outside counts. @throws LabError if it's powered off. */
  get initPid(): number {
    const init = readInit(this.name)
    if (init === undefined) throw new LabError(`${this.name} is powered off`)
    return init.pid
  }

  /** The path by which the outside reaches a file of the machine, also while its cable is cut. */
  path(inside: string): string {
    return `/proc/${this.initPid}/root${inside}`
  }

  /** The command line that runs `argv` inside, for those who spawn it themselves. */
  inside(argv: readonly string[]): string[] {
    return ['nsenter', '-t', `${this.initPid}`, '-m', '-u', '-i', '-n', '-p', '-C', '--', ...argv]
  }

  /** Runs a command inside and waits for it. @throws LabError as `run` does, or if powered off. */
  async sh(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    try {
      return await run(this.inside(argv), { called: argv.join(' '), ...options })
    } catch (cause) {
      if (!(cause instanceof LabError)) throw cause
      throw new LabError(`${this.name}: ${cause.message}`, { cause })
    }
  }

  /**
   * Powers it on, on the disk that it has; returns when its init runs and the service is started
   * (not when that answers). @throws LabError if it is on, or does not come up in 20 s.
   */
  async boot(): Promise<void> {
    if (this.isOn()) throw new LabError(`${this.name} is on already`)
    await unplug(this.name, this.#cables) // what a crash between power-off and here has left
    await plugIn(this.name, this.#cables)
    if (this.spec.kind === 'router') await letForward(this.name)
    await this.#prepareDisk()
    const procsFiles = await makeCgroups(this.name)
    this.#launch(procsFiles)
    const init = await this.#awaitInit()
    await writeInit(this.name, init)
    await waitFor(`${this.name}: init`, BOOT_TIMEOUT_MS, () =>
      existsSync(this.path('/run/init')) ? true : undefined,
    )
  }

  /** Power loss: every process dies at once, nothing is flushed or said; the disk stays. */
  async powerOff(): Promise<void> {
    const init = readInit(this.name)
    if (init !== undefined) {
      signal(init, 'SIGKILL') // the kernel ends the whole pid namespace with it
      thaw(this.name)
      await waitGone(init, 10_000)
    }
    await unplug(this.name, this.#cables)
  }

  /** Pulls its cables. Processes and links inside stay; eth0 loses its carrier. */
  async cut(): Promise<void> {
    for (const cable of this.#cables) await setCable(cable, 'down')
  }

  async heal(): Promise<void> {
    for (const cable of this.#cables) await setCable(cable, 'up')
  }

  async isPlugged(): Promise<boolean> {
    return (await Promise.all(this.#cables.map(isCablePlugged))).every(Boolean)
  }

  /** The end of what its service has written, newest last. */
  async serviceLog(lines = 100): Promise<string> {
    return (await this.sh(['tail', '-n', `${lines}`, '/var/log/service.log'])).stdout
  }

  async #prepareDisk(): Promise<void> {
    const { name, index, kind, args } = this.spec
    const at = (path: string) => join(machineDir(name), path)
    await rm(at('init.pid'), { force: true })
    for (const path of ['work', 'root', 'disk', `upper${INSIDE_DIR}`, 'upper/etc']) {
      await mkdir(at(path), { recursive: true })
    }
    const hosts = `127.0.0.1 localhost\n${this.address} ${name}\n`
    const { script, diskAt } = SERVICES[kind]
    await writeFile(at('upper/etc/machine-id'), `${machineId(index)}\n`)
    await writeFile(at('upper/etc/hostname'), `${name}\n`)
    await writeFile(at('upper/etc/hosts'), hosts)
    await writeFile(at('upper/etc/resolv.conf'), resolvConf(this.gateway))
    await writeFile(at(`upper${INSIDE_DIR}/init.sh`), INIT_SCRIPT)
    await writeFile(at(`upper${INSIDE_DIR}/service.sh`), script(this.address))
    if (!existsSync(at(`upper${INSIDE_DIR}/service.args`))) {
      await writeFile(at(`upper${INSIDE_DIR}/service.args`), args.join(' '))
    }
    const plan = { ...this.spec, directory: machineDir(name), diskAt, hierarchies: hierarchies() }
    await writeFile(at('boot.sh'), bootScript(plan))
  }

  /** Starts the first process, in its cgroups before the namespace of cgroups is made. */
  #launch(procsFiles: readonly string[]): void {
    const log = openSync(join(machineDir(this.name), 'boot.log'), 'w')
    const join_ = procsFiles.map((file) => `echo $$ >${file}`).join('\n')
    const unshare = 'unshare -m -u -i -p -C -f --kill-child --propagation private'
    const script = `${join_}
exec nsenter --net=/run/netns/${netnsOf(this.name)} ${unshare} bash "$1"`
    const child = spawn('bash', ['-ec', script, 'boot', join(machineDir(this.name), 'boot.sh')], {
      detached: true,
      stdio: ['ignore', log, log],
      env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', HOME: '/root' },
    })
    child.unref()
    closeSync(log)
  }

  async #awaitInit(): Promise<ProcessId> {
    const file = join(machineDir(this.name), 'init.pid')
    try {
      return await waitFor(`${this.name}: boot`, BOOT_TIMEOUT_MS, () =>
        existsSync(file) ? identify(Number(readFileSync(file, 'utf8'))) : undefined,
      )
    } catch (cause) {
      const log = readFileSync(join(machineDir(this.name), 'boot.log'), 'utf8').trim()
      throw new LabError(`${this.name} does not boot: ${log}`, { cause })
    }
  }
}
