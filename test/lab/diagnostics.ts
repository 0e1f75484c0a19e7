import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import type { Host } from './host.js'
import type { Lab } from './lab.js'

const DIRECTORY = fileURLToPath(new URL('../../build/diagnostics', import.meta.url))
/** Each line is run in a host, and its output printed below it. */
const COMMANDS = [
  'docker ps -a --no-trunc',
  'docker network ls --no-trunc',
  'docker plugin ls',
  'ip -d addr',
  'ip route',
  'ls -l /run/docker/netns',
  'for n in /run/docker/netns/*; do echo "== $n"; nsenter --net=$n sh -c ' +
    '"ip -br addr; ip -d -br link; ip neigh; bridge fdb"; done',
  'iptables-save',
  'dmesg | tail -n 30',
  'tail -n 3000 /var/log/service.log',
]
const COMMAND_TIMEOUT_MS = 10_000

/**
 * Writes what each host of the lab looks like now, for whoever reads a failed test's report. A
 * command that fails or hangs costs its own part only.
 * @param test names the file, build/diagnostics/<test>.txt.
 * @returns the file's path.
 */
export async function dump(lab: Lab, test: string): Promise<string> {
  const parts = await Promise.all(lab.hosts.map(describe))
  if (lab.hasEtcd) parts.push(await describeStore(lab))
  await mkdir(DIRECTORY, { recursive: true })
  const path = join(DIRECTORY, `${test.replaceAll(/[^A-Za-z0-9._-]+/g, '-').slice(0, 100)}.txt`)
  await writeFile(path, parts.join('\n'))
  return path
}

/** After each test of `t` that has failed, dumps the lab and says where. */
export function dumpOnFailure(t: Test, lab: () => Lab | undefined): void {
  t.afterEach(async (inner) => {
    const current = lab()
    if (inner.passing() || current === undefined) return
    inner.comment(`diagnostics: ${await dump(current, inner.fullname)}`)
  })
}

async function describe(host: Host): Promise<string> {
  const head = `######## ${host.name} ${host.address}`
  if (!host.isOn()) return `${head}: powered off\n`
  const parts = [`${head}, cable ${(await host.isPlugged()) ? 'plugged in' : 'cut'}`]
  for (const command of COMMANDS) {
    const options = { check: false, timeoutMs: COMMAND_TIMEOUT_MS }
    const { stdout, stderr } = await host.sh(['sh', '-c', command], options)
    parts.push(`\n#### ${command}\n${stdout}${stderr}`)
  }
  return parts.join('\n')
}

async function describeStore(lab: Lab): Promise<string> {
  const keys = ['etcdctl', '--command-timeout=3s', 'get', '', '--prefix']
  const options = { check: false, timeoutMs: COMMAND_TIMEOUT_MS }
  if (!lab.etcd.machine.isOn()) return '######## etcd: powered off\n'
  const { stdout, stderr } = await lab.etcd.machine.sh(keys, options)
  return `######## etcd\n${stdout}${stderr}`
}
