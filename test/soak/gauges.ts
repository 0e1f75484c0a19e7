/** What a process of Node holds, read from outside of it: /proc, and the inspector for its heap. */
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

export interface Gauges {
  readonly fds: number
  /** netlink sockets in the process's own network namespace; those in sandboxes are in `fds` */
  readonly netlink: number
  readonly threads: number
  readonly rssKb: number
  /** after a full garbage collection */
  readonly heapKb: number
}

/** Where Node's inspector listens after SIGUSR1, in the process's network namespace. */
const INSPECTOR = '127.0.0.1:9229'

/**
 * Run by a second Node, in the network namespace of the first: Node 20 has a WebSocket only with a
 * flag. Twice, as what the first collection finalises only the second one frees.
 */
const READ_HEAP = `
const [target] = await (await fetch('http://${INSPECTOR}/json/list')).json()
const socket = new WebSocket(target.webSocketDebuggerUrl)
await new Promise((resolve, reject) => { socket.onopen = resolve; socket.onerror = reject })
const answers = new Map()
socket.onmessage = ({ data }) => { const { id, result } = JSON.parse(data); answers.get(id)(result) }
const call = (id, method) => new Promise((resolve) => {
  answers.set(id, resolve)
  socket.send(JSON.stringify({ id, method }))
})
await call(1, 'HeapProfiler.collectGarbage')
await call(2, 'HeapProfiler.collectGarbage')
const { usedSize } = await call(3, 'Runtime.getHeapUsage')
process.stdout.write(String(usedSize))
socket.close()`

/** @param pid of a Node of this machine, in whatever namespaces; its inspector stays on */
export async function gaugesOf(pid: number): Promise<Gauges> {
  const heapKb = await heapOf(pid)
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return {
    fds: fdsOf(pid).length,
    netlink: netlinkSockets(pid),
    threads: field(status, 'Threads'),
    rssKb: field(status, 'VmRSS'),
    heapKb,
  }
}

/** What each open descriptor of the process is: `socket:[123]`, `/dev/null`, … */
export function fdsOf(pid: number): readonly string[] {
  return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/${pid}/fd/${fd}`)]
    } catch {
      return [] // closed meanwhile
    }
  })
}

/** proc_pid_net(5): the socket's inode is the last column. */
function netlinkSockets(pid: number): number {
  const own = new Set(fdsOf(pid))
  const rows = readFileSync(`/proc/${pid}/net/netlink`, 'utf8').trim().split('\n').slice(1)
  return rows.filter((row) => own.has(`socket:[${row.trim().split(/\s+/).at(-1)}]`)).length
}

function field(status: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1])
}

async function heapOf(pid: number): Promise<number> {
  process.kill(pid, 'SIGUSR1')
  for (let tries = 0; ; tries += 1) {
    try {
      return Math.round(Number(readHeap(pid)) / 1024)
    } catch (error) {
      if (tries === 20) throw error
      await sleep(250)
    }
  }
}

function readHeap(pid: number): string {
  const node = [
    'env',
    '-u',
    'NODE_OPTIONS',
    process.execPath,
    '--experimental-websocket',
    '--input-type=module',
  ]
  const argv = [`--net=/proc/${pid}/ns/net`, ...node, '-e', READ_HEAP]
  const env = { PATH: process.env['PATH'] ?? '', NODE_NO_WARNINGS: '1' }
  return execFileSync('nsenter', argv, { encoding: 'utf8', env, stdio: 'pipe', timeout: 20_000 })
}
