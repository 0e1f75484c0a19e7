/** Objects of other programs in a machine's own network namespace, and whether they are as they were. */
import { look } from './foreign-look.js'
import type { Machine } from './machine.js'

export interface ForeignOptions {
  /** Networks that other routes lead to besides ours: each gets one with a metric that loses. */
  readonly destinations?: readonly string[]
  /** Of a vxlan device beside ours. */
  readonly vni?: number
  readonly port?: number
}

export interface Foreign {
  /**
   * Compares with what was there after planting. What carries no packet must be as it was, object
   * for object: one that was removed and made again has another index or handle.
   * @returns `- ` lines that are gone, `+ ` lines that are new; nothing if all is untouched
   */
  changes(): Promise<string[]>
  /** Takes away what was planted. */
  remove(): Promise<void>
}

const DEVICES = ['fbr0', 'fveth0', 'fveth1', 'fvx0']
/** What is there already, Docker's bridges if they are. */
const OTHERS = ['lo', 'eth0', 'docker0', 'docker_gwbridge']
const METRIC = 4_242
/** Set by another daemon for routes: BIRD. */
const PROTOCOL = 'bird'
const MAC = '02:f0:00:00:00:01'
/** Addresses for documentation: no packet of a lab has them. */
const NET = '203.0.113.0/24'

/** A bridge with a port, a veth pair, a vxlan device with its entries, routes, policy rules. */
function objects({ destinations = [], vni = 7_777, port = 8_472 }: ForeignOptions): string[] {
  return [
    'link add fbr0 type bridge',
    'addr add 10.201.0.1/24 dev fbr0',
    'link set fbr0 up',
    'link add fveth0 type veth peer name fveth1',
    'link set fveth0 master fbr0 up',
    'link set fveth1 up',
    `link add fvx0 type vxlan id ${vni} dstport ${port} dev eth0 nolearning`,
    'link set fvx0 up',
    `neigh add 10.202.0.0 lladdr ${MAC} dev fvx0 nud permanent`,
    `route add 10.202.0.0/24 via 10.202.0.0 dev fvx0 onlink proto ${PROTOCOL}`,
    `route add blackhole ${NET} proto ${PROTOCOL}`,
    ...destinations.map((to) => `route add ${to} dev eth0 proto ${PROTOCOL} metric ${METRIC}`),
    `rule add from ${NET} lookup ${METRIC} pref ${METRIC}`,
    `route add 198.51.100.0/24 dev eth0 table ${METRIC} proto ${PROTOCOL}`,
  ]
}

const NFT = `table inet foreign {
  set hosts { type ipv4_addr; elements = { 203.0.113.1 }
  }
  chain forward { type filter hook forward priority -5; ip saddr @hosts accept
  }
}
`
const COMMENT = `-s ${NET} -m comment --comment foreign`
/** Of iptables, without verbs. */
const RULES = [
  `-t filter @ FORWARD ${COMMENT} -j ACCEPT`,
  `-t filter @ FOREIGN ${COMMENT} -j RETURN`,
  `-t nat @ POSTROUTING ${COMMENT} -j MASQUERADE`,
]

/** Removes what there is of it, in whatever order others have removed some. */
function removal({ destinations = [] }: ForeignOptions): string {
  return [
    ...['fbr0', 'fveth0', 'fvx0'].map((name) => `ip link del ${name}`),
    `ip route del blackhole ${NET} proto ${PROTOCOL}`,
    ...destinations.map((to) => `ip route del ${to} metric ${METRIC}`),
    `ip rule del pref ${METRIC}`,
    `ip route flush table ${METRIC}`,
    'nft delete table inet foreign',
    ...RULES.map((rule) => `iptables -w ${rule.replace('@', '-D')}`),
    'iptables -w -F FOREIGN',
    'iptables -w -X FOREIGN',
    'true',
  ].join('\n')
}

/**
 * Plants one object of each kind that another program may have, and remembers them together with
 * Docker's own bridges, the machine's own routes and its settings. One at a
 * time on a machine.
 */
export async function plantForeign(
  machine: Machine,
  options: ForeignOptions = {},
): Promise<Foreign> {
  const remove = async (): Promise<void> => {
    await machine.sh(['sh', '-c', removal(options)])
  }
  try {
    await machine.sh(['ip', '-batch', '-'], { input: `${objects(options).join('\n')}\n` })
    const fdb = ['bridge', 'fdb', 'append', MAC, 'dev', 'fvx0', 'dst', '203.0.113.7']
    await machine.sh(fdb)
    await machine.sh(['nft', '-f', '-'], { input: NFT })
    const rules = RULES.map((rule) => `iptables -w ${rule.replace('@', '-A')}`)
    await machine.sh(['sh', '-ec', `iptables -w -N FOREIGN\n${rules.join('\n')}`])
  } catch (error) {
    await remove()
    throw error
  }
  const { devices, lines: before } = await look(machine, [...DEVICES, ...OTHERS])
  const changes = async (): Promise<string[]> => {
    const { lines } = await look(machine, devices)
    return [
      ...before.filter((line) => !lines.includes(line)).map((line) => `- ${line}`),
      ...lines.filter((line) => !before.includes(line)).map((line) => `+ ${line}`),
    ]
  }
  return { changes, remove }
}
