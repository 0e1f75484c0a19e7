/** One network on several hosts, and what a flag makes of it there. */
import type { Host } from '../lab/host.js'
import { createNetwork, inSandbox, sandboxOf } from '../lab/tsoverlay.js'

/** The same network on each host; one that has it already keeps it. */
export async function createOn(
  hosts: readonly Host[],
  name: string,
  flags: readonly string[],
): Promise<void> {
  for (const host of hosts) {
    const known = await host.docker(['network', 'inspect', name], { check: false })
    if (known.code !== 0) await createNetwork(host, name, flags)
  }
}

/** What a command prints in a container. */
export async function inContainer(host: Host, container: string, command: string): Promise<string> {
  return (await host.docker(['exec', container, 'sh', '-c', command])).stdout
}

/** Runs a command in a container's namespace, with the host's tools and rights. */
export async function inNamespaceOf(host: Host, container: string, command: string): Promise<void> {
  const format = '{{.NetworkSettings.SandboxKey}}'
  const { stdout } = await host.docker(['inspect', '-f', format, container])
  await host.sh(['nsenter', `--net=${stdout.trim()}`, ...command.split(' ')])
}

/** What a command prints in the network's sandbox on the host. */
export async function inNetwork(host: Host, network: string, command: string): Promise<string> {
  return inSandbox(host, await sandboxOf(host, network), ['sh', '-c', command])
}

/** Packets that a device of the network has sent. */
export async function sentBy(host: Host, network: string, device: string): Promise<number> {
  const path = `/sys/class/net/${device}/statistics/tx_packets`
  const mounted = `mount -t sysfs none /sys && cat ${path}`
  return Number(await inNetwork(host, network, `unshare -m sh -c '${mounted}'`))
}

/** Runs a container that must not start. @returns what docker says */
export async function refusedRun(
  host: Host,
  network: string,
  flags: readonly string[],
): Promise<string> {
  const argv = ['run', '--rm', '--net', network, ...flags, 'lab', 'true']
  const { code, stderr } = await host.docker(argv, { check: false })
  return code === 0 ? 'it started' : stderr
}
