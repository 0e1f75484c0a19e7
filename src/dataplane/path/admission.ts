/** Our own tables of rules as the kernel has them: whom they let through. */
import type { Ip } from '../../core/ip.js'
import { type Mac, macFromBytes } from '../../core/mac.js'
import type { AdmissionFact, SpeakerFact } from '../../core/path-facts.js'
import { NFPROTO } from '../nft/constants.js'
import { IFNAME_BYTES } from '../nft/expressions.js'
import { getTable, type TableRef } from '../nft/messages.js'
import { decodeElements, dumpElements } from '../nft/sets.js'
import { readIp, readText } from '../rtnl/codec.js'
import type { BatchSocket } from '../rtnl/rtnl.js'

const STRANGERS: TableRef = { family: NFPROTO.INET, table: 'tsoverlay' }
const SOURCES: TableRef = { family: NFPROTO.BRIDGE, table: 'tsoverlay' }
const ABSENT = ['EOPNOTSUPP', 'EAFNOSUPPORT', 'EPROTONOSUPPORT', 'ENOENT']
const MAC_BYTES = 6

/** @throws TsoverlayError KERNEL_FAILED */
export async function readAdmission(
  socket: BatchSocket | undefined,
): Promise<AdmissionFact | undefined> {
  if (socket === undefined || !(await isThere(socket, STRANGERS))) return undefined
  const [vnis, four, six] = [
    await keysOf(socket, STRANGERS, 'vnis'),
    await keysOf(socket, STRANGERS, 'vteps4'),
    await keysOf(socket, STRANGERS, 'vteps6'),
  ]
  return {
    vnis: vnis.map((key) => key.readUIntBE(0, 3)),
    vteps: [...four, ...six].flatMap((key) => readIp(key) ?? []),
  }
}

/** @param port name of the device @throws TsoverlayError KERNEL_FAILED */
export async function readSpeakers(
  socket: BatchSocket | undefined,
  port: string,
): Promise<SpeakerFact | undefined> {
  if (socket === undefined || !(await isThere(socket, SOURCES))) return undefined
  const ofPort = async (set: string): Promise<readonly Buffer[]> =>
    (await keysOf(socket, SOURCES, set))
      .filter((key) => readText(key.subarray(0, IFNAME_BYTES)) === port)
      .map((key) => key.subarray(IFNAME_BYTES))
  const macs = (await ofPort('macs')).map((key): Mac => macFromBytes(key.subarray(0, MAC_BYTES)))
  const ips = [...(await ofPort('ip4')), ...(await ofPort('ip6'))]
  return { macs, ips: ips.flatMap((key): Ip[] => [readIp(key)].flatMap((ip) => ip ?? [])) }
}

async function isThere(socket: BatchSocket, table: TableRef): Promise<boolean> {
  return (await socket.get(getTable(table), ABSENT)) !== undefined
}

async function keysOf(socket: BatchSocket, table: TableRef, set: string): Promise<readonly Buffer[]> {
  return (await socket.dump(dumpElements(table, set), ABSENT))
    .flatMap(decodeElements)
    .map(({ key }) => key)
}
