/** What etcd sends to whom, by its own counter of watch events and by its machine's of bytes. */
import type { Host } from '../lab/host.js'
import type { Lab } from '../lab/lab.js'

const TABLE = 'tsoverlay_bench'

export interface Sent {
  /** puts and deletions that watchers were told of, whoever watches */
  readonly events: number
  /** bytes of IP packets from etcd's port, by host name */
  readonly bytes: ReadonlyMap<string, number>
}

/** Starts counting bytes to the lab's hosts. */
export async function countSent(lab: Lab): Promise<void> {
  const rules = lab.hosts.map(
    ({ name, address }) => `  counter ${name} {}
  chain to_${name} {
    type filter hook output priority 0
    ip daddr ${address} tcp sport 2379 counter name ${name}
  }`,
  )
  const input = `table inet ${TABLE} {\n${rules.join('\n')}\n}\n`
  await lab.etcd.machine.sh(['nft', '-f', '-'], { input })
}

export async function stopCounting(lab: Lab): Promise<void> {
  await lab.etcd.machine.sh(['nft', 'delete', 'table', 'inet', TABLE], { check: false })
}

export async function sentSoFar(lab: Lab): Promise<Sent> {
  const text = await (await fetch(`${lab.etcd.endpoint}/metrics`)).text()
  const [, events] = /^etcd_debugging_mvcc_events_total (\S+)$/m.exec(text) ?? []
  if (events === undefined) throw new Error('etcd does not count the events that it sends')
  const argv = ['nft', '-j', 'list', 'counters', 'table', 'inet', TABLE]
  const listed = JSON.parse((await lab.etcd.machine.sh(argv)).stdout) as Listed
  const counters = listed.nftables.flatMap(({ counter }) => counter ?? [])
  return {
    events: Number(events),
    bytes: new Map(counters.map(({ name, bytes }) => [name, bytes])),
  }
}

/** Bytes to these hosts from the one look to the other. */
export function bytesTo(hosts: readonly Host[], before: Sent, after: Sent): number {
  const of = ({ bytes }: Sent, { name }: Host): number => bytes.get(name) ?? 0
  return hosts.reduce((sum, host) => sum + of(after, host) - of(before, host), 0)
}

/** As `nft -j` has it (libnftables-json(5)). */
interface Listed {
  readonly nftables: readonly {
    readonly counter?: { readonly name: string; readonly bytes: number }
  }[]
}
