/** What a container is answered, to the byte: messages of our own to the server in its resolv.conf. */
import packet from 'dns-packet'
import type { Host } from '../lab/host.js'

/** The plugin's own node, as there is none on the hosts. */
const NODE = ['env', '-u', 'NODE_OPTIONS', 'chroot', '/shared/plugin/rootfs', '/usr/bin/node', '-e']
/** Sends one message, prints the answer, both in hexadecimal digits. */
const CLIENT = `
const [kind, text] = process.argv.slice(1)
const query = Buffer.from(text, 'hex')
const said = (answer) => { process.stdout.write(answer.toString('hex')); process.exit() }
setTimeout(() => process.exit(), 8000)
if (kind === 'udp') {
  const socket = require('dgram').createSocket('udp4')
  socket.on('message', said)
  socket.send(query, 53, '127.0.0.11')
} else {
  const length = Buffer.from([query.length >> 8, query.length & 255])
  const socket = require('net').connect(53, '127.0.0.11', () => socket.write(Buffer.concat([length, query])))
  let all = Buffer.alloc(0)
  socket.on('data', (part) => {
    all = Buffer.concat([all, part])
    if (all.length > 1 && all.length >= 2 + all.readUInt16BE(0)) said(all.subarray(2))
  })
}
`
const ID = 4711

export interface Asked {
  readonly type?: 'A' | 'AAAA' | 'MX' | 'TXT' | 'PTR'
  readonly transport?: 'udp' | 'tcp'
  /** what we take by UDP; absent: no EDNS */
  readonly edns?: number
}

export interface Answered {
  readonly rcode: string
  readonly truncated: boolean
  readonly bytes: number
  readonly data: readonly string[]
}

/** @throws Error if nobody answers */
export async function askWire(
  host: Host,
  container: string,
  name: string,
  { type = 'A', transport = 'udp', edns }: Asked = {},
): Promise<Answered> {
  const opt = { type: 'OPT', name: '.', udpPayloadSize: edns ?? 0, flags: 0, options: [] }
  const query = packet.encode({
    type: 'query',
    id: ID,
    flags: packet.RECURSION_DESIRED,
    questions: [{ name, type }],
    additionals: edns === undefined ? [] : [opt as unknown as packet.OptAnswer],
  })
  const namespace = await namespaceOf(host, container)
  const argv = ['nsenter', `--net=${namespace}`, ...NODE, CLIENT, transport, query.toString('hex')]
  const { stdout } = await host.sh(argv, { timeoutMs: 30_000, called: 'a DNS client' })
  if (stdout === '') throw new Error(`${host.name}/${container}: no answer for ${name} ${type}`)
  const bytes = Buffer.from(stdout, 'hex')
  const { id, rcode, flag_tc, answers = [] } = packet.decode(bytes) as DecodedAnswer
  if (id !== ID) throw new Error(`an answer with the id ${id}`)
  const data = answers.map((record) => String((record as { data?: unknown }).data)).sort()
  return { rcode, truncated: flag_tc, bytes: bytes.length, data }
}

type DecodedAnswer = packet.DecodedPacket & { readonly rcode: string }

/** File of the container's network namespace. */
export async function namespaceOf(host: Host, container: string): Promise<string> {
  const format = '{{.NetworkSettings.SandboxKey}}'
  return (await host.docker(['inspect', '-f', format, container])).stdout.trim()
}
