/** Another underlay address for a host, as DHCP or an operator would give it. */
import type { Host } from './host.js'
import { GATEWAY } from './names.js'

/** Runs lines of `ip -batch` on a host. */
export async function ip(host: Host, ...lines: readonly string[]): Promise<void> {
  await host.sh(['ip', '-batch', '-'], { input: `${lines.join('\n')}\n` })
}

/** An address of the lab's net that no machine has. */
export const otherAddress = (host: Host): string => host.address.replace(/\.\d+$/, '.201')

/** The old one first: a second address of the net would be its secondary, and go with it. */
export async function moveTo(host: Host, from: string, to: string): Promise<void> {
  await ip(
    host,
    `addr del ${from}/24 dev eth0`,
    `addr add ${to}/24 dev eth0`,
    `route replace default via ${GATEWAY}`,
  )
}
