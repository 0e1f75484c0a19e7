/**
 * Our place in a container's namespace, where its questions for names arrive: sockets, and the table
 * that leads to them. It holds on to the namespace, so it is to be closed when the container leaves.
 */
import { closeSync } from 'node:fs'
import { type Ip, ipFromBytes } from '../../core/ip.js'
import type { NamePlace } from '../../core/ports.js'
import { kernelFailed, refused } from '../failure.js'
import { localPort, openSocket, type SocketOption, sendNow } from '../libc.js'
import { NftTable } from '../nft/table.js'
import { AF } from '../rtnl/constants.js'
import { openNetfilter } from '../rtnl/netlink-rtnl.js'
import type { BatchSocket } from '../rtnl/rtnl.js'
import { sockaddr } from '../sockaddr.js'
import { BEAT_MARK, namesRuleset, OUR_RESOLVER } from '../tables/names.js'
import { type Home, netnsState, openNetns } from './netns.js'

const OURS = ipOfBytes(OUR_RESOLVER)
const SOL_SOCKET = 1
const SO_MARK = 36
const ITEM = 'names of other hosts'
const EMPTY = Buffer.alloc(0)
/** Nobody is there: the rule drops it before. */
const BEAT_PORT = 9
/** What the sender of a dropped packet is told. */
const DROPPED = 'EPERM'

/** As Dataplane.openNames. @param path of the namespace's file */
export async function openNamePlace(home: Home, path: string): Promise<NamePlace | undefined> {
  // dockerd makes it with the container's process, after its endpoints have joined.
  if (netnsState(path) !== 'live') return undefined
  const place = new KernelPlace(home, openNetns(path))
  try {
    place.open()
    await place.repair()
    return place
  } catch (error) {
    for (const fd of [place.udp, place.tcp]) if (fd >= 0) closeSync(fd)
    await place.close()
    throw error
  }
}

class KernelPlace implements NamePlace {
  readonly #home: Home
  readonly #netns: number
  #netfilter: BatchSocket | undefined
  #table: NftTable | undefined
  #beat = -1
  udp = -1
  tcp = -1

  constructor(home: Home, netns: number) {
    this.#home = home
    this.#netns = netns
  }

  open(): void {
    this.#home.enter(this.#netns, () => {
      this.udp = bound('udp')
      this.tcp = bound('tcp')
      const mark: SocketOption = [SOL_SOCKET, SO_MARK, native32(BEAT_MARK)]
      const peer = sockaddr(OURS, BEAT_PORT)
      this.#beat = opened({ type: 'udp', options: [mark], peer })
      this.#netfilter = openNetfilter()
    })
    const ports = { udp: localPort(this.udp), tcp: localPort(this.tcp) }
    if (ports.udp === undefined || ports.tcp === undefined) throw refused(ITEM, 'EBADF')
    this.#table = new NftTable(namesRuleset({ udp: ports.udp, tcp: ports.tcp }), {
      in: 'rules',
      name: ITEM,
    })
    this.#table.setDesired([], true)
  }

  openUdp(): number {
    return this.#home.enter(this.#netns, () => bound('udp'))
  }

  openTcp(): number {
    return this.#home.enter(this.#netns, () => opened({ type: 'tcp' }))
  }

  beat(): boolean {
    return sendNow(this.#beat, EMPTY) === DROPPED
  }

  async repair(): Promise<void> {
    const [table, netfilter] = [this.#table, this.#netfilter]
    if (table === undefined || netfilter === undefined)
      throw kernelFailed(ITEM, 'the kernel has no netfilter sockets')
    table.queueResync()
    const { failures } = await table.apply(netfilter)
    const [failure] = failures
    if (failure !== undefined) throw failure.error
    if (table.unsupported !== undefined) throw refused(ITEM, table.unsupported)
    this.beat()
  }

  async close(): Promise<void> {
    if (this.#beat >= 0) closeSync(this.#beat)
    this.#beat = -1
    const [table, netfilter] = [this.#table, this.#netfilter]
    if (netfilter !== undefined) {
      table?.setDesired(undefined)
      // Where it fails, the rules end by themselves soon.
      await table?.apply(netfilter).catch(() => undefined)
      await netfilter.close()
    }
    closeSync(this.#netns)
  }
}

function bound(type: 'udp' | 'tcp'): number {
  return opened({ type, local: sockaddr(OURS) })
}

function opened(spec: Omit<Parameters<typeof openSocket>[0], 'family'>): number {
  const fd = openSocket({ family: AF.INET, ...spec })
  if (typeof fd === 'string') throw refused(`${ITEM}: socket`, fd)
  return fd
}

function ipOfBytes(bytes: readonly number[]): Ip {
  return ipFromBytes(Uint8Array.from(bytes))
}

function native32(value: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(value).buffer)
}
