/** What a page has the lab itself do: `lab# poweroff h2`. */
import type { Lab } from '../lab/lab.js'

const DOES: Readonly<Record<string, (lab: Lab) => Promise<unknown>>> = {
  'poweroff h2': (lab) => lab.host(2).powerOff(),
  'boot h2': (lab) => lab.host(2).boot(),
  'poweroff h3': (lab) => lab.host(3).powerOff(),
  'boot h3': (lab) => lab.host(3).boot(),
  'stop etcd': (lab) => lab.etcd.stop(),
  'start etcd': (lab) => lab.etcd.start(),
  'fill etcd': fill,
}

/** As etcd does itself when its file has reached the quota. */
async function fill(lab: Lab): Promise<void> {
  const alarm = { action: 'ACTIVATE', memberID: 0, alarm: 'NOSPACE' }
  const url = `${lab.etcd.endpoint}/v3/maintenance/alarm`
  const { ok, status } = await fetch(url, { method: 'POST', body: JSON.stringify(alarm) })
  if (!ok) throw new Error(`etcd: status ${status}`)
}

/** @throws Error for what is not among them */
export async function labDoes(lab: Lab, command: string): Promise<void> {
  const work = DOES[command]
  if (work === undefined) throw new Error(`the lab does not know how to ${command}`)
  await work(lab)
}
