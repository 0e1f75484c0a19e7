/** What goes over a machine's cable, seen at its own end. */
import { waitFor } from './exec.js'
import type { Machine } from './machine.js'

const FILE = '/run/lab-capture'
const READY_MS = 10_000
/** A packet to it ends the capture: all that went before it has been written when it has. */
const LAST_PORT = 9

/**
 * Packets on the machine's eth0, both ways, between the call and the end of `work`. Nothing in the
 * machine's own tables shows it. One at a time on a machine.
 * @param filter as pcap-filter(7) has it, e.g. `udp port 4789 or host 10.20.0.2`
 * @returns a text for each as tcpdump -nn prints it, what is inside VXLAN after what is outside
 */
export async function capture(
  machine: Machine,
  filter: string,
  work: () => Promise<unknown>,
): Promise<string[]> {
  const wanted = `(${filter}) or udp dst port ${LAST_PORT}`
  const tcpdump = `tcpdump -i eth0 --immediate-mode -U -n -Z root -w ${FILE}.pcap`
  const start = `rm -f ${FILE}.*; exec 2>${FILE}.log; ${tcpdump} "$1" >${FILE}.out & echo $!`
  const pid = (await machine.sh(['sh', '-c', `{ ${start}; }`, 'sh', wanted])).stdout.trim()
  try {
    await waitFor(`${machine.name}: tcpdump`, READY_MS, () => isListening(machine))
    await work()
    await waitFor(`${machine.name}: last packet`, READY_MS, () => isLastSeen(machine))
  } finally {
    const end = `kill -INT ${pid}; while [ -d /proc/${pid} ]; do sleep 0.05; done`
    await machine.sh(['sh', '-c', end], { check: false, timeoutMs: READY_MS })
  }
  return (await packets(machine)).filter((packet) => !isLast(packet))
}

async function isListening(machine: Machine): Promise<true | undefined> {
  return (await machine.sh(['cat', `${FILE}.log`])).stdout.includes('listening on')
    ? true
    : undefined
}

/** Sends one more each time. */
async function isLastSeen(machine: Machine): Promise<true | undefined> {
  const send = `echo >/dev/udp/${machine.gateway}/${LAST_PORT}`
  await machine.sh(['bash', '-c', send], { check: false })
  return (await packets(machine)).some(isLast) ? true : undefined
}

/** Also the gateway's refusal. */
const isLast = (packet: string): boolean =>
  packet.includes(`.${LAST_PORT}: UDP`) || packet.includes(`udp port ${LAST_PORT} unreachable`)

async function packets(machine: Machine): Promise<string[]> {
  const read = ['tcpdump', '-r', `${FILE}.pcap`, '-nn', '-t', '-#']
  return packetsOf((await machine.sh(read, { check: false })).stdout)
}

/** @param text of `tcpdump -#`: a packet begins with its number, further lines of it do not */
export function packetsOf(text: string): string[] {
  const found: string[] = []
  for (const line of text.split('\n')) {
    const first = /^ *\d+ {2}(.*)$/.exec(line)?.[1]
    if (first !== undefined) found.push(first)
    else if (line.trim() !== '') found.push(`${found.pop() ?? ''} ${line.trim()}`)
  }
  return found
}
