/** Programs of classic BPF (linux/filter.h, linux/bpf_common.h) that let pass what has all of some values. */

/** Bytes of a packet, from its IP header on. */
export interface Match {
  /** their place */
  readonly at: number
  readonly bytes: 1 | 2 | 4
  readonly mask?: number
  readonly value: number
}

/** BPF_LD | BPF_ABS | BPF_B, BPF_H, BPF_W */
const LOAD = { 1: 0x30, 2: 0x28, 4: 0x20 } as const
/** BPF_ALU | BPF_AND | BPF_K; BPF_JMP | BPF_JEQ | BPF_K; BPF_RET | BPF_K */
const AND = 0x54
const JUMP_EQUAL = 0x15
const RETURN = 0x06
/** SKF_AD_OFF + SKF_AD_PKTTYPE: where the kernel shows which way a packet goes; PACKET_OUTGOING */
const DIRECTION = 0xfffff004
const OUTGOING = 4
const INSTRUCTION = 8

/** @param room bytes of each packet that are passed on */
export function filterProgram(way: 'in' | 'out', matches: readonly Match[], room: number): Buffer {
  const steps = matches.reduce((sum, { mask }) => sum + (mask === undefined ? 2 : 3), 0)
  const passes = instruction(RETURN, room)
  const fails = instruction(RETURN, 0)
  // Those behind the current one, up to the one that lets nothing pass, which is the last.
  let ahead = steps + 1
  const direction = [
    instruction(LOAD[4], DIRECTION),
    way === 'out'
      ? instruction(JUMP_EQUAL, OUTGOING, { unlessEqual: ahead })
      : instruction(JUMP_EQUAL, OUTGOING, { ifEqual: ahead }),
  ]
  const body = matches.flatMap(({ at, bytes, mask, value }) => {
    ahead -= mask === undefined ? 2 : 3
    return [
      instruction(LOAD[bytes], at),
      ...(mask === undefined ? [] : [instruction(AND, mask)]),
      instruction(JUMP_EQUAL, value, { unlessEqual: ahead }),
    ]
  })
  return Buffer.concat([...direction, ...body, passes, fails])
}

/** struct sock_filter */
function instruction(
  code: number,
  k: number,
  {
    ifEqual = 0,
    unlessEqual = 0,
  }: { readonly ifEqual?: number; readonly unlessEqual?: number } = {},
): Buffer {
  const bytes = Buffer.alloc(INSTRUCTION)
  bytes.writeUInt16LE(code, 0)
  bytes.writeUInt8(ifEqual, 2)
  bytes.writeUInt8(unlessEqual, 3)
  bytes.writeUInt32LE(k >>> 0, 4)
  return bytes
}
