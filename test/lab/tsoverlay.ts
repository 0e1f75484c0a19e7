/** The plugin on the lab's hosts: install, networks and containers, as the README tells a user to. */
import { resolve } from 'node:path'
import type { Host } from './host.js'
import type { Lab } from './lab.js'

export const PLUGIN_DIR = resolve('build/plugin')
/** Not `tsoverlay:latest`: then `-d tsoverlay` reaches it by its socket (docs/design/packaging.md). */
export const PLUGIN = 'local/tsoverlay'
export const DRIVER = 'tsoverlay'

/**
 * Installs the plugin on every host, all with the lab's etcd as their store. Without network sync,
 * unless told: most tests create a network on just the hosts that they mean.
 */
export async function installEverywhere(
  lab: Lab,
  settings: Readonly<Record<string, string>> = {},
): Promise<void> {
  const common = { STORE: lab.etcd.endpoint, NETWORK_SYNC: 'off', ...settings }
  await Promise.all(
    lab.hosts.map((host) => host.installPlugin(PLUGIN_DIR, { name: PLUGIN, settings: common })),
  )
}

/** `docker network create -d tsoverlay --ipam-driver tsoverlay …` */
export async function createNetwork(
  host: Host,
  name: string,
  flags: readonly string[] = [],
): Promise<void> {
  await host.docker(['network', 'create', '-d', DRIVER, '--ipam-driver', DRIVER, ...flags, name])
}

/** Starts a container that sleeps. */
export async function runSleeper(
  host: Host,
  name: string,
  network: string,
  flags: readonly string[] = [],
): Promise<void> {
  await host.docker([
    'run',
    '-d',
    '--name',
    name,
    '--net',
    network,
    ...flags,
    'lab',
    'sleep',
    '3600',
  ])
}

/** IPv4 address of a container on a network. */
export async function addressOf(host: Host, container: string, network: string): Promise<string> {
  const format = `{{(index .NetworkSettings.Networks "${network}").IPAddress}}`
  return (await host.docker(['inspect', '-f', format, container])).stdout.trim()
}

/** File name of the network's sandbox under the host's /run/docker/netns. */
export async function sandboxOf(host: Host, network: string): Promise<string> {
  const id = (await host.docker(['network', 'inspect', '-f', '{{.Id}}', network])).stdout.trim()
  return `1-${id.slice(0, 10)}`
}

/** Runs a command inside a sandbox of the host. */
export async function inSandbox(
  host: Host,
  sandbox: string,
  argv: readonly string[],
): Promise<string> {
  return (await host.sh(['nsenter', `--net=/run/docker/netns/${sandbox}`, ...argv])).stdout
}
