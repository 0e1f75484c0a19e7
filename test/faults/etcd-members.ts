/** A cluster of three etcds, side by side on the store's machine, in the place of its one. */
import { waitFor } from '../lab/exec.js'
import type { Lab } from '../lab/lab.js'
import { LabError } from '../lab/names.js'

export const MEMBERS = ['m1', 'm2', 'm3'] as const
export type Member = (typeof MEMBERS)[number]
/** The one whose disk is small. */
export const SMALL: Member = 'm3'
/** Two segments of the write-ahead log are allocated ahead, 64 MB each (etcd server/storage/wal). */
const SMALL_DISK = 'size=150m'
const READY_MS = 30_000

export const dataOf = (member: Member): string => `/var/lib/etcd/${member}`
const portOf = (member: Member): number => 2_480 + 10 * MEMBERS.indexOf(member)
export const clientUrl = (lab: Lab, member: Member): string =>
  `http://${lab.etcd.machine.address}:${portOf(member)}`
const peerUrl = (member: Member): string => `http://127.0.0.1:${portOf(member) + 1}`

/** @returns what STORE takes */
export async function startMembers(lab: Lab): Promise<string[]> {
  const { machine } = lab.etcd
  await lab.etcd.stop()
  await machine.sh(['mkdir', '-p', dataOf(SMALL)])
  await machine.sh(['mount', '-t', 'tmpfs', '-o', SMALL_DISK, 'tmpfs', dataOf(SMALL)])
  const urls = MEMBERS.map((member) => clientUrl(lab, member))
  lab.etcd.ctlEndpoints = urls
  for (const member of MEMBERS) await launch(lab, member)
  await Promise.all(MEMBERS.map((member) => awaitHealthy(lab, member)))
  return urls
}

/** Starts a member, for the first time or again. */
export async function launch(lab: Lab, member: Member): Promise<void> {
  const cluster = MEMBERS.map((one) => `${one}=${peerUrl(one)}`).join(',')
  const url = clientUrl(lab, member)
  const etcd = [
    ...['etcd', '--name', member, '--data-dir', `${dataOf(member)}/data`, '--logger', 'zap'],
    ...['--listen-client-urls', url, '--advertise-client-urls', url],
    ...['--listen-peer-urls', peerUrl(member), '--initial-advertise-peer-urls', peerUrl(member)],
    ...['--initial-cluster', cluster],
  ]
  const script = `mkdir -p ${dataOf(member)}; setsid -f ${etcd.join(' ')} >>/var/log/${member}.log 2>&1`
  await lab.etcd.machine.sh(['sh', '-c', script])
}

export async function kill(lab: Lab, member: Member): Promise<void> {
  await lab.etcd.machine.sh(['pkill', '-KILL', '-f', `^etcd --name ${member} `])
}

export async function isRunning(lab: Lab, member: Member): Promise<boolean> {
  const find = ['pgrep', '-f', `^etcd --name ${member} `]
  return (await lab.etcd.machine.sh(find, { check: false })).code === 0
}

/** Answers, and knows a leader. */
export async function isHealthy(lab: Lab, member: Member): Promise<boolean> {
  const ask = ['etcdctl', `--endpoints=${clientUrl(lab, member)}`, 'endpoint', 'health']
  const env = { ETCDCTL_API: '3' }
  return (await lab.etcd.machine.sh(ask, { check: false, env })).code === 0
}

/** @throws LabError if it is not in 30 s */
export async function awaitHealthy(lab: Lab, member: Member): Promise<void> {
  await waitFor(`${member}: health`, READY_MS, async () =>
    (await isHealthy(lab, member)) ? true : undefined,
  )
}

interface EndpointStatus {
  readonly Endpoint: string
  readonly Status: { readonly leader: number; readonly header: { readonly member_id: number } }
}

/** @throws LabError if there's none */
export async function leaderOf(lab: Lab): Promise<Member> {
  const { stdout } = await lab.etcd.ctl(['endpoint', 'status', '-w', 'json'])
  const all = JSON.parse(stdout) as EndpointStatus[]
  const leader = all.find(({ Status }) => Status.leader === Status.header.member_id)
  const member = MEMBERS.find((one) => clientUrl(lab, one) === leader?.Endpoint)
  if (member === undefined) throw new LabError(`no leader in ${stdout}`)
  return member
}
