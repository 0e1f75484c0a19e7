import { spawn } from 'node:child_process'
import { parseArgs } from 'node:util'
import type { Host } from './host.js'
import { Lab } from './lab.js'
import type { Machine } from './machine.js'
import { evenly } from './machines.js'
import { LabError } from './names.js'
import { ensurePackages, requireRoot } from './packages.js'

const USAGE = `usage: node --import tsx test/lab/cli.ts COMMAND
  up N [--segments K] [--etcd] [--suite S] [--dockerd-args "…"]
                                  hosts h1 to hN, on K layer 2 segments with a router between,
                                  and an etcd beside them
  packages                        install what the machine needs for a lab
  down                            remove the lab, whatever state it is in
  status [--json]
  sh H [COMMAND…]                 run a command on a host (a shell if none); H is h1, 1, etcd,
                                  router, or c1: a machine without Docker on segment 1
  dockerd H start|stop|kill       only the daemon; kill is -9, its containers live on
  poweroff H | boot H             power loss; boot again on the same disk
  cut H | heal H                  unplug, replug its cable
  etcd start|stop|kill|pause|resume|wipe`

const EXIT_USAGE = 2
const say = (line: string): void => console.log(line)

class UsageError extends Error {}

/** The machine called so; a client is made when it is asked for. */
async function machine(lab: Lab, name: string | undefined): Promise<Machine> {
  if (name === 'etcd') return lab.etcd.machine
  if (name === 'router') return lab.router
  const segment = /^c(\d+)$/.exec(name ?? '')?.[1]
  return segment === undefined ? host(lab, name) : lab.client(Number(segment))
}

function host(lab: Lab, name: string | undefined): Host {
  const index = /^h?(\d+)$/.exec(name ?? '')?.[1]
  if (index === undefined) throw new UsageError(`${name ?? 'nothing'} is not a host, e.g. h1`)
  return lab.host(Number(index))
}

/** The method of `from` that the user names; only those in the list. */
function pick<K extends string>(verbs: readonly K[], word: string | undefined): K {
  const verb = verbs.find((one) => one === word)
  if (verb === undefined) {
    throw new UsageError(`${word ?? 'nothing'} is not one of ${verbs.join(', ')}`)
  }
  return verb
}

async function up(args: readonly string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      segments: { type: 'string', default: '1' },
      etcd: { type: 'boolean', default: false },
      suite: { type: 'string' },
      'dockerd-args': { type: 'string' },
    },
  })
  const hosts = Number(positionals[0])
  if (!Number.isInteger(hosts)) throw new UsageError('up needs a number of hosts')
  const dockerdArgs = values['dockerd-args']?.split(' ').filter(Boolean) ?? []
  const suite = values.suite === undefined ? {} : { suite: values.suite }
  const lab = await Lab.up({
    hosts,
    segments: evenly(hosts, Number(values.segments)),
    etcd: values.etcd,
    dockerdArgs,
    keep: true,
    log: say,
    ...suite,
  })
  for (const one of lab.hosts) say(`${one.name}  ${one.dockerUrl}`)
  if (lab.segments > 1) say(`router  ${lab.router.gateways.join(' ')}`)
  if (lab.hasEtcd) say(`etcd  ${lab.etcd.endpoint}`)
}

async function status(args: readonly string[]): Promise<void> {
  const lab = Lab.attach()
  const router = lab.segments > 1 ? [lab.router] : []
  const store = lab.hasEtcd ? [lab.etcd.machine] : []
  const machines: Machine[] = [...lab.hosts, ...router, ...store]
  const rows = await Promise.all(
    machines.map(async (one) => ({
      name: one.name,
      address: one.address,
      power: one.isOn() ? 'on' : 'off',
      service: one.isOn() && (await one.service.isRunning()) ? 'running' : 'stopped',
      cable: (await one.isPlugged()) ? 'plugged' : 'cut',
    })),
  )
  if (args.includes('--json')) say(JSON.stringify(rows, undefined, 2))
  else for (const row of rows) say(Object.values(row).join('\t'))
}

/** Gives the terminal to a command of the machine. @returns its exit code. */
async function enter(name: string | undefined, argv: readonly string[]): Promise<number> {
  const inside = (await machine(Lab.attach(), name)).inside(argv.length > 0 ? argv : ['bash', '-l'])
  const [command = '', ...rest] = inside
  const env = { ...process.env, HOME: '/root', PATH: '/usr/sbin:/usr/bin:/sbin:/bin' }
  const child = spawn(command, rest, { stdio: 'inherit', env })
  process.on('SIGINT', () => {}) // Ctrl-C is the command's
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => resolve(code ?? 1))
  })
}

/** A client is on as soon as it is named. */
async function boot(lab: Lab, name: string | undefined): Promise<void> {
  if (name === 'etcd') return lab.etcd.boot()
  const one = await machine(lab, name)
  if (one.spec.kind !== 'client') await one.boot()
}

type Command = (args: readonly string[]) => Promise<number | undefined>

const done = async (work: Promise<void>): Promise<undefined> => {
  await work
  return undefined
}

const COMMANDS: Readonly<Record<string, Command>> = {
  up: (args) => done(up(args)),
  packages: () => done(ensurePackages(say)),
  down: () => done(Lab.down()),
  status: (args) => done(status(args)),
  sh: ([name, ...argv]) => enter(name, argv),
  dockerd: ([name, verb]) =>
    done(host(Lab.attach(), name).dockerd[pick(['start', 'stop', 'kill'], verb)]()),
  poweroff: ([name]) => done(machine(Lab.attach(), name).then((one) => one.powerOff())),
  boot: ([name]) => done(boot(Lab.attach(), name)),
  cut: ([name]) => done(machine(Lab.attach(), name).then((one) => one.cut())),
  heal: ([name]) => done(machine(Lab.attach(), name).then((one) => one.heal())),
  etcd: ([verb]) =>
    done(Lab.attach().etcd[pick(['start', 'stop', 'kill', 'pause', 'resume', 'wipe'], verb)]()),
}

async function main(): Promise<number> {
  const [word = '', ...args] = process.argv.slice(2)
  const command = Object.hasOwn(COMMANDS, word) ? COMMANDS[word] : undefined
  if (command === undefined) throw new UsageError(word === '' ? 'no command' : `no command ${word}`)
  try {
    requireRoot()
  } catch (error) {
    console.error(`lab: ${error instanceof Error ? error.message : error}`)
    return EXIT_USAGE
  }
  return (await command(args)) ?? 0
}

try {
  process.exitCode = await main()
} catch (error) {
  if (error instanceof UsageError || isParseArgsError(error)) {
    console.error(`lab: ${error.message}\n${USAGE}`)
    process.exitCode = EXIT_USAGE
  } else if (error instanceof LabError) {
    console.error(`lab: ${error.message}`)
    process.exitCode = 1
  } else throw error
}

function isParseArgsError(error: unknown): error is Error {
  return error instanceof Error && 'code' in error && `${error.code}`.startsWith('ERR_PARSE_ARGS')
}
