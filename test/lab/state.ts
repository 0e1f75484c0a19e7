import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { sleep } from './exec.js'
import { BRIDGE, LabError, machineDir, STATE_DIR } from './names.js'
import type { NetnsDirectory } from './network.js'
import { identify, isAlive, type ProcessId } from './processes.js'
import type { MachineSpec } from './spec.js'

/** The lock file: who has a lab up, and what it's made of. */
export interface LabRecord {
  readonly owner: ProcessId
  /** true: the lab stays after its owner has ended, until `down`. */
  readonly keep: boolean
  readonly machines: readonly MachineSpec[]
  readonly netnsDirectory: NetnsDirectory
}

const LOCK_FILE = join(STATE_DIR, 'lab.json')
/** An abstract socket: the kernel frees it with its process, however that ends (unix(7)). */
const mutexOf = (directory: string): string => `\0tsoverlay-lab:${directory}`
const MUTEX_PATIENCE_MS = 60_000

/**
 * Runs `work` while no other process of this machine does the like with the directory: with the
 * lab's own, bring the lab up or down.
 * @throws LabError if another one does for `patienceMs`; whatever `work` throws.
 */
export async function exclusively<T>(
  work: () => Promise<T>,
  directory = STATE_DIR,
  patienceMs = MUTEX_PATIENCE_MS,
): Promise<T> {
  const deadline = Date.now() + patienceMs
  const mutex = mutexOf(directory)
  let server = await bind(mutex)
  while (server === undefined) {
    if (Date.now() > deadline) {
      throw new LabError(`another lab command is still at work with ${directory}`)
    }
    await sleep(200)
    server = await bind(mutex)
  }
  const held = server
  try {
    return await work()
  } finally {
    await new Promise((done) => held.close(done))
  }
}

function bind(mutex: string): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy())
    server.unref()
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(undefined)
      else reject(error)
    })
    server.listen(mutex, () => resolve(server))
  })
}

/** The lab that is or was up; undefined after a clean `down`. */
export function readRecord(): LabRecord | undefined {
  return readJson<LabRecord>(LOCK_FILE)
}

export async function writeRecord(record: LabRecord): Promise<void> {
  await mkdir(STATE_DIR, { recursive: true })
  await writeFile(LOCK_FILE, JSON.stringify(record))
}

/** This process, as the owner of a lab. */
export function self(): ProcessId {
  const id = identify(process.pid)
  if (id === undefined) throw new LabError('/proc does not show this process')
  return id
}

/** Whether the lab still belongs to somebody: its owner lives, or it was meant to outlive it. */
export function isInUse(record: LabRecord): boolean {
  if (isAlive(record.owner)) return true
  return (
    record.keep && record.owner.bootId === self().bootId && existsSync(`/sys/class/net/${BRIDGE}`)
  )
}

const initFile = (name: string): string => join(machineDir(name), 'init.json')

/** The machine's first process as recorded at its last boot; undefined if it's gone. */
export function readInit(name: string): ProcessId | undefined {
  const id = readJson<ProcessId>(initFile(name))
  return id !== undefined && isAlive(id) ? id : undefined
}

export async function writeInit(name: string, id: ProcessId): Promise<void> {
  await writeFile(initFile(name), JSON.stringify(id))
}

/** Directories of machines in the state directory, also of a lab without a record. */
export function machineNames(): string[] {
  if (!existsSync(STATE_DIR)) return []
  return readdirSync(STATE_DIR).filter((name) => /^([hc]\d+|etcd|router)$/.test(name))
}

function readJson<T>(path: string): T | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as T
  } catch {
    return undefined
  }
}
