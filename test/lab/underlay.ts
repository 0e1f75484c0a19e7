/** Another underlay address for a host, as DHCP or an operator would give it. */
import type { Host } from './host.js'
import type { Machine } from './machine.js'

/** Runs lines of `ip -batch` on a machine. */
export async function ip(machine: Machine, ...lines: readonly string[]): Promise<void> {
  await machine.sh(['ip', '-batch', '-'], { input: `${lines.join('\n')}\n` })
}

const TABLE = 'lab_path'

/**
 * Between two hosts, packets of more than `limit` bytes are lost without a word, and neither host's
 * interface says so; other paths are as before.
 * @param limit undefined: no more
 */
export async function swallow(a: Host, b: Host, limit: number | undefined): Promise<void> {
  for (const [host, other] of [
    [a, b],
    [b, a],
  ] as const) {
    await host.sh(['nft', 'delete', 'table', 'ip', TABLE], { check: false })
    // What a real wire gets is no longer than its MTU; between veths it would be.
    await ip(host, `link set eth0 gso_max_segs ${limit === undefined ? 65_535 : 1}`)
    if (limit === undefined) continue
    // Before fragments are put together again.
    const lines = [
      `add table ip ${TABLE}`,
      `add chain ip ${TABLE} lost { type filter hook prerouting priority -450; }`,
      `add rule ip ${TABLE} lost iifname eth0 ip saddr ${other.address} meta length > ${limit} drop`,
    ]
    await host.sh(['nft', '-f', '-'], { input: `${lines.join('\n')}\n` })
  }
}

/** An address of the lab's net that no machine has. */
export const otherAddress = (host: Host): string => host.address.replace(/\.\d+$/, '.201')

/** The old one first: a second address of the net would be its secondary, and go with it. */
export async function moveTo(host: Host, from: string, to: string): Promise<void> {
  await ip(
    host,
    `addr del ${from}/24 dev eth0`,
    `addr add ${to}/24 dev eth0`,
    `route replace default via ${host.gateway}`,
  )
}
