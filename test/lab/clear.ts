import { setTimeout as sleep } from 'node:timers/promises'
import type { Host } from './host.js'
import type { Lab } from './lab.js'

const LIMIT_MS = 20_000

/**
 * Removes all containers and all networks of ours from every host.
 * @throws Error naming the networks that cannot be removed
 */
export async function clear(lab: Lab): Promise<void> {
  await Promise.all(lab.hosts.map(clearContainers))
  const end = Date.now() + LIMIT_MS
  // With network sync a removal on one host is also one on the others, at the same time as ours; and
  // one that meets a container's last traces is taken back for a moment.
  for (;;) {
    const refusals = (await Promise.all(lab.hosts.map(clearNetworks))).flat()
    const left = (await Promise.all(lab.hosts.map(ownNetworks))).flat()
    if (left.length === 0 && ((await isNothingWanted(lab)) || Date.now() > end)) return
    if (Date.now() > end) throw new Error(`networks are left: ${refusals.join('; ')}`)
    await sleep(200)
  }
}

async function clearContainers(host: Host): Promise<void> {
  const containers = await lines(host, ['ps', '-aq'])
  if (containers.length > 0) await host.docker(['rm', '-f', ...containers], { check: false })
}

/** @returns what docker says against it */
async function clearNetworks(host: Host): Promise<string[]> {
  const own = await ownNetworks(host)
  if (own.length === 0) return []
  const { code, stderr } = await host.docker(['network', 'rm', ...own], { check: false })
  return code === 0 ? [] : [`${host.name}: ${stderr.trim()}`]
}

async function ownNetworks(host: Host): Promise<string[]> {
  const format = '{{.ID}} {{.Driver}}'
  const networks = await lines(host, ['network', 'ls', '--no-trunc', '--format', format])
  return networks.flatMap((line) => {
    const [id = '', driver = ''] = line.split(' ')
    return driver.includes('tsoverlay') ? [id] : []
  })
}

/** Whether network sync has nothing to create, as far as the store answers. */
async function isNothingWanted(lab: Lab): Promise<boolean> {
  const ask = ['get', '--prefix', '--print-value-only', '/tsoverlay/published/']
  const answer = await lab.etcd.ctl(ask).catch(() => undefined)
  const texts = (answer?.stdout ?? '').split('\n').filter((line) => line !== '')
  return texts.every((text) => (JSON.parse(text) as { removal?: unknown }).removal !== undefined)
}

async function lines(host: Host, argv: readonly string[]): Promise<string[]> {
  return (await host.docker(argv)).stdout.split('\n').filter((line) => line !== '')
}
