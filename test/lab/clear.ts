import type { Host } from './host.js'
import type { Lab } from './lab.js'

/** Removes all containers and all networks of ours from every host. */
export async function clear(lab: Lab): Promise<void> {
  await Promise.all(lab.hosts.map(clearHost))
}

async function clearHost(host: Host): Promise<void> {
  const containers = await lines(host, ['ps', '-aq'])
  if (containers.length > 0) await host.docker(['rm', '-f', ...containers], { check: false })
  const networks = await lines(host, ['network', 'ls', '-q', '--filter', 'type=custom'])
  const own = []
  for (const id of networks) {
    const driver = await host.docker(['network', 'inspect', '-f', '{{.Driver}}', id])
    if (driver.stdout.includes('tsoverlay')) own.push(id)
  }
  if (own.length > 0) await host.docker(['network', 'rm', ...own])
}

async function lines(host: Host, argv: readonly string[]): Promise<string[]> {
  return (await host.docker(argv)).stdout.split('\n').filter((line) => line !== '')
}
