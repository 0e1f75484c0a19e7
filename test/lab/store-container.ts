/** The store in a container of one of the hosts, as somebody has it who has no other machine. */
import type { Host } from './host.js'
import type { Lab } from './lab.js'
import { PLUGIN } from './tsoverlay.js'

const NAME = 'store'
const PATIENCE = { timeoutMs: 120_000 }
const PARTS =
  'cd /shared/plugin/rootfs && tar -c usr/bin/etcd lib $(ls -d lib64 usr/lib 2>/dev/null)'

export const storeUrl = (host: Host): string => `http://${host.address}:2379`

/** Starts an etcd there and has all plugins use it. */
export async function useStoreOn(host: Host, lab: Lab): Promise<void> {
  await host.sh(['sh', '-c', `${PARTS} | docker import - ${NAME}`], PATIENCE)
  const urls = ['--listen-client-urls', 'http://0.0.0.0:2379']
  const etcd = ['etcd', '--data-dir', '/data', ...urls, '--advertise-client-urls', storeUrl(host)]
  const run = ['run', '-d', '--name', NAME, '--restart', 'always', '-p', '2379:2379']
  await host.docker([...run, NAME, ...etcd])
  await useStore(lab, storeUrl(host))
}

/** Back to the etcd of the lab's own machine. */
export async function useLabStore(host: Host, lab: Lab): Promise<void> {
  await useStore(lab, lab.etcd.endpoint)
  await host.docker(['rm', '-f', '-v', NAME], { check: false })
  await host.docker(['rmi', NAME], { check: false })
}

async function useStore(lab: Lab, url: string): Promise<void> {
  lab.etcd.ctlEndpoints = [url]
  await Promise.all(
    lab.hosts.map(async (host) => {
      await host.docker(['plugin', 'disable', '-f', PLUGIN], PATIENCE)
      await host.docker(['plugin', 'set', PLUGIN, `STORE=${url}`])
      await host.docker(['plugin', 'enable', PLUGIN], PATIENCE)
    }),
  )
}

/** Whether it answers. */
export async function isStoreThere(host: Host): Promise<boolean> {
  const limit = { signal: AbortSignal.timeout(1_000) }
  const answer = await fetch(`${storeUrl(host)}/health`, limit).catch(() => undefined)
  return answer?.ok === true
}
