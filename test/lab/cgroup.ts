import { existsSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { waitFor } from './exec.js'
import { cgroupOf, NETNS_PATTERN } from './names.js'

/** One mounted cgroup hierarchy of the machine. A v1 or hybrid machine has many, v2 has one. */
export interface Hierarchy {
  readonly mountPoint: string
  readonly version: 1 | 2
  /** For v1: what to mount it with, e.g. `cpu,cpuacct` or `none,name=systemd`. */
  readonly options: string
}

const MOUNT_FLAGS = new Set(['rw', 'ro', 'clone_children', 'xattr'])

/** Every hierarchy that the caller sees mounted (proc_pid_mountinfo(5)). */
export function hierarchies(mountInfo = readFileSync('/proc/self/mountinfo', 'utf8')): Hierarchy[] {
  const found = new Map<string, Hierarchy>()
  for (const line of mountInfo.split('\n')) {
    const one = hierarchyOf(line)
    const key = one?.version === 1 ? one.options : 'v2'
    if (one !== undefined && !found.has(key)) found.set(key, one)
  }
  return [...found.values()]
}

function hierarchyOf(line: string): Hierarchy | undefined {
  const [left = '', right = ''] = line.split(' - ')
  const mountPoint = left.split(' ')[4] ?? ''
  const [type, , superOptions = ''] = right.split(' ')
  if (type === 'cgroup2') return { mountPoint, version: 2, options: '' }
  if (type !== 'cgroup') return undefined
  const options = superOptions
    .split(',')
    .filter((word) => !MOUNT_FLAGS.has(word) && !word.startsWith('release_agent='))
    .join(',')
  return {
    mountPoint,
    version: 1,
    options: options.startsWith('name=') ? `none,${options}` : options,
  }
}

/** Directory of the hierarchy inside a machine, relative to its /sys/fs/cgroup; '' for v2 alone. */
export function placeInside(hierarchy: Hierarchy): string {
  return hierarchy.mountPoint === '/sys/fs/cgroup' ? '' : basename(hierarchy.mountPoint)
}

/**
 * Makes the machine's cgroup in each hierarchy: the root of its cgroup namespace.
 * @returns the `cgroup.procs` files that its first process has to write itself into.
 */
export async function makeCgroups(machine: string): Promise<string[]> {
  const files: string[] = []
  const all = hierarchies()
  for (const { mountPoint, version } of all) {
    const path = join(mountPoint, cgroupOf(machine))
    if (version === 2 && all.length === 1) await delegate(mountPoint) // v1 has the controllers else
    await mkdir(path, { recursive: true })
    if (existsSync(join(path, 'cpuset.cpus')) && version === 1)
      await inheritCpuset(mountPoint, path)
    files.push(join(path, 'cgroup.procs'))
  }
  return files
}

/** A v1 cpuset starts empty, and an empty one takes no process (cpuset(7)). */
async function inheritCpuset(parent: string, child: string): Promise<void> {
  for (const file of ['cpuset.cpus', 'cpuset.mems']) {
    await writeFile(join(child, file), readFileSync(join(parent, file), 'utf8'))
  }
}

/** Lets children of the v2 root use each controller; one that cannot be had is done without. */
async function delegate(root: string): Promise<void> {
  for (const name of readFileSync(join(root, 'cgroup.controllers'), 'utf8').trim().split(/\s+/)) {
    await writeFile(join(root, 'cgroup.subtree_control'), `+${name}`).catch(() => {})
  }
}

/**
 * Lets paused containers run again: what is frozen cannot be killed (cgroups.rst, freezer-subsystem.rst).
 * @param machine undefined: of all labs
 */
export function thaw(machine?: string): void {
  const own = machine === undefined ? undefined : cgroupOf(machine)
  for (const path of labCgroups()) {
    if (own !== undefined && !path.split('/').includes(own)) continue
    for (const [file, word] of THAWED) {
      if (existsSync(join(path, file))) tryWrite(join(path, file), word)
    }
  }
}

const THAWED = [
  ['freezer.state', 'THAWED'],
  ['cgroup.freeze', '0'],
] as const

/** The cgroup may end meanwhile. */
function tryWrite(file: string, text: string): void {
  try {
    writeFileSync(file, text)
  } catch {
    // it has
  }
}

/** Pids of every process in a lab machine's cgroup, whichever lab has left it. */
export function labProcesses(): Set<number> {
  const pids = new Set<number>()
  for (const path of labCgroups()) {
    for (const pid of procsOf(path)) pids.add(pid)
  }
  return pids
}

/** Removes the lab's cgroups. @throws LabError if one keeps its processes for 10 s. */
export async function removeCgroups(): Promise<void> {
  for (const path of labCgroups().reverse()) {
    await waitFor(`removal of cgroup ${path}`, 10_000, () => removed(path))
  }
}

/** A cgroup is busy for a moment after its last process has ended. */
function removed(path: string): true | undefined {
  try {
    rmdirSync(path)
  } catch {
    return existsSync(path) ? undefined : true
  }
  return true
}

/** Parents before children. */
function labCgroups(): string[] {
  const paths: string[] = []
  for (const { mountPoint } of hierarchies()) {
    for (const name of directoriesIn(mountPoint)) {
      if (NETNS_PATTERN.test(name)) addTree(join(mountPoint, name), paths)
    }
  }
  return paths
}

function addTree(path: string, into: string[]): void {
  into.push(path)
  for (const name of directoriesIn(path)) addTree(join(path, name), into)
}

function directoriesIn(path: string): string[] {
  try {
    return readdirSync(path, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name)
  } catch {
    return []
  }
}

function procsOf(cgroup: string): number[] {
  try {
    return readFileSync(join(cgroup, 'cgroup.procs'), 'utf8')
      .split('\n')
      .filter(Boolean)
      .map(Number)
  } catch {
    return []
  }
}
