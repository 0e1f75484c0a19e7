/**
 * The system calls that node does not have. The only importer of koffi, but for the CLI's
 * exec.ts. Each call but
 * `sendInThread` is made on the calling thread and returns before anything else runs, which
 * netns.ts depends on.
 */
import { closeSync } from 'node:fs'
import { getSystemErrorName } from 'node:util'
import koffi from 'koffi'

const libc = koffi.load('libc.so.6')
const call = {
  setns: libc.func('int setns(int fd, int nstype)'),
  unshare: libc.func('int unshare(int flags)'),
  mount: libc.func(
    'int mount(const char *source, const char *target, const char *type, unsigned long flags, const void *data)',
  ),
  umount2: libc.func('int umount2(const char *target, int flags)'),
  getsockname: libc.func('int getsockname(int fd, void *address, void *length)'),
  setsockopt: libc.func(
    'int setsockopt(int fd, int level, int name, const void *value, unsigned int length)',
  ),
  socket: libc.func('int socket(int domain, int type, int protocol)'),
  sendto: libc.func(
    'long sendto(int fd, const void *message, unsigned long length, int flags, const void *address, unsigned int size)',
  ),
  if_nametoindex: libc.func('unsigned int if_nametoindex(const char *name)'),
  bind: libc.func('int bind(int fd, const void *address, unsigned int length)'),
  connect: libc.func('int connect(int fd, const void *address, unsigned int length)'),
  recv: libc.func('long recv(int fd, _Out_ void *buffer, unsigned long length, int flags)'),
  send: libc.func('long send(int fd, const void *message, unsigned long length, int flags)'),
}

/** struct sock_fprog (linux/filter.h): how many instructions, and where they are. */
const sockFprog = koffi.struct('sock_fprog', { len: 'uint16_t', filter: 'const void *' })
const attachFilter = libc.func('setsockopt', 'int', [
  ...['int', 'int', 'int'],
  koffi.pointer(sockFprog),
  'unsigned int',
])

// linux/sched.h, sys/mount.h, sys/socket.h
const CLONE_NEWNET = 0x40000000
const MS_REMOUNT = 32
const MS_BIND = 4096
const MNT_DETACH = 2
const AF_NETLINK = 16
const SOL_NETLINK = 270
const AF_PACKET = 17
const SOCK_DGRAM = 2
const SOCK_RAW = 3
const SOCK_CLOEXEC = 0x80000
const MSG_DONTWAIT = 0x40
/** struct sockaddr_ll (linux/if_packet.h) */
const SOCKADDR_LL = 20
const HARDWARE_ADDRESS = 6
/** linux/if_ether.h, asm/socket.h; sizes of struct sock_filter and struct sock_fprog */
const ETH_P_ALL = 3
const SOL_SOCKET = 1
const SO_ATTACH_FILTER = 26
const SOCK_FILTER = 8
const SOCK_FPROG = 16

/** The name of an errno (`EPERM`), or undefined when the call succeeded. */
type Outcome = string | undefined

function outcome(result: unknown): Outcome {
  return result === 0 ? undefined : getSystemErrorName(-koffi.errno())
}

/** Moves the calling thread into the network namespace of `fd` (setns(2)). */
export function enterNetns(fd: number): Outcome {
  return outcome(call.setns(fd, CLONE_NEWNET))
}

/** Moves the calling thread into a new network namespace (unshare(2)). */
export function enterNewNetns(): Outcome {
  return outcome(call.unshare(CLONE_NEWNET))
}

/** Mounts the file `source` on the file `target` (mount(2), MS_BIND). */
export function bindMount(source: string, target: string): Outcome {
  return outcome(call.mount(source, target, 'none', MS_BIND, null))
}

/** Makes a read-only mount writable in this mount namespace (mount(2), MS_REMOUNT). */
export function remountWritable(target: string): Outcome {
  return outcome(call.mount('none', target, 'none', MS_REMOUNT | MS_BIND, null))
}

/** Takes the mount off `target` at once, even if it is busy (umount2(2), MNT_DETACH). */
export function detachMount(target: string): Outcome {
  return outcome(call.umount2(target, MNT_DETACH))
}

/** The port (nl_pid) of a netlink socket, or undefined when `fd` is none (getsockname(2)). */
export function netlinkPort(fd: number): number | undefined {
  const address = Buffer.alloc(12)
  const length = Buffer.from(Uint32Array.of(address.length).buffer)
  if (call.getsockname(fd, address, length) !== 0) return undefined
  return address.readUInt16LE(0) === AF_NETLINK ? address.readUInt32LE(4) : undefined
}

/** Switches on a NETLINK_… option of linux/netlink.h (setsockopt(2)). */
export function enableNetlinkOption(fd: number, option: number): Outcome {
  const on = Buffer.from(Uint32Array.of(1).buffer)
  return outcome(call.setsockopt(fd, SOL_NETLINK, option, on, on.length))
}

/**
 * Sends on a netlink socket from a thread of libuv's pool (send(2)). The kernel works off the
 * message in the namespace of the socket, not of the thread.
 * @returns when the kernel has worked it off: ECANCELED when it could not be sent
 */
export function sendInThread(fd: number, message: Buffer): Promise<Outcome> {
  return new Promise((resolve) => {
    call.send.async(fd, message, message.length, 0, (error: unknown, sent: unknown) => {
      resolve(error === null && Number(sent) === message.length ? undefined : 'ECANCELED')
    })
  })
}

/**
 * A packet socket that receives nothing, in the calling thread's namespace (socket(2), packet(7)).
 * @returns its descriptor, or the name of an errno
 */
export function openPacketSocket(): number | string {
  const fd: unknown = call.socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0)
  return Number(fd) >= 0 ? Number(fd) : getSystemErrorName(-koffi.errno())
}

/**
 * A packet socket that receives the frames of one EtherType that come in by one device of the calling
 * thread's namespace (packet(7), bind(2), if_nametoindex(3)).
 * @returns its descriptor, or the name of an errno
 */
export function openFrameEar(dev: string, type: number): number | string {
  const index = Number(call.if_nametoindex(dev))
  if (index === 0) return 'ENODEV'
  const fd = openPacketSocket()
  if (typeof fd === 'string') return fd
  return bindToDevice(fd, index, type)
}

function bindToDevice(fd: number, index: number, type: number): number | string {
  const address = Buffer.alloc(SOCKADDR_LL)
  address.writeUInt16LE(AF_PACKET, 0)
  address.writeUInt16BE(type, 2)
  address.writeInt32LE(index, 4)
  return call.bind(fd, address, SOCKADDR_LL) === 0 ? fd : closeRefused(fd)
}

/**
 * A packet socket that receives, without their link-layer headers, the packets of one device of the calling thread's
 * namespace that a program of classic BPF lets pass, those that go out among them (packet(7),
 * SO_ATTACH_FILTER). The program is there before the first packet comes.
 * @param program its instructions (struct sock_filter)
 * @returns its descriptor, or the name of an errno
 */
export function openFilteredEar(dev: string, program: Buffer): number | string {
  const index = Number(call.if_nametoindex(dev))
  if (index === 0) return 'ENODEV'
  const fd: unknown = call.socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0)
  if (typeof fd !== 'number' || fd < 0) return getSystemErrorName(-koffi.errno())
  const filter = { len: program.length / SOCK_FILTER, filter: program }
  const attached: unknown = attachFilter(fd, SOL_SOCKET, SO_ATTACH_FILTER, filter, SOCK_FPROG)
  if (attached !== 0) return closeRefused(fd)
  return bindToDevice(fd, index, ETH_P_ALL)
}

/** Sends a whole frame out of a device, without waiting (sendto(2)). */
export function sendFrame(fd: number, ifindex: number, frame: Buffer): Outcome {
  const address = Buffer.alloc(SOCKADDR_LL)
  address.writeUInt16LE(AF_PACKET, 0)
  // the EtherType, as the frame has it
  frame.copy(address, 2, 12, 14)
  address.writeInt32LE(ifindex, 4)
  address.writeUInt8(HARDWARE_ADDRESS, 11)
  frame.copy(address, 12, 0, HARDWARE_ADDRESS)
  const sent: unknown = call.sendto(fd, frame, frame.length, MSG_DONTWAIT, address, SOCKADDR_LL)
  return Number(sent) === frame.length ? undefined : getSystemErrorName(-koffi.errno())
}

/** An option of a socket: level, name, value (setsockopt(2)). */
export type SocketOption = readonly [level: number, name: number, value: Uint8Array]

export interface SocketSpec {
  /** AF_… */
  readonly family: number
  readonly type: 'raw' | 'udp' | 'tcp'
  /** IPPROTO_…; absent: the type's own */
  readonly protocol?: number
  readonly options?: readonly SocketOption[]
  /** sockaddrs; absent: not bound, not connected */
  readonly local?: Uint8Array
  readonly peer?: Uint8Array
}

const SOCKET_TYPES = { tcp: 1, udp: 2, raw: SOCK_RAW } as const

/**
 * A socket in the calling thread's namespace (socket(2), bind(2), connect(2)).
 * @returns its descriptor, or the name of the errno
 */
export function openSocket(spec: SocketSpec): number | string {
  const { family, type, protocol = 0, options = [], local, peer } = spec
  const fd: unknown = call.socket(family, SOCKET_TYPES[type] | SOCK_CLOEXEC, protocol)
  if (typeof fd !== 'number' || fd < 0) return getSystemErrorName(-koffi.errno())
  for (const [level, name, value] of options) {
    if (call.setsockopt(fd, level, name, value, value.length) !== 0) return closeRefused(fd)
  }
  if (local !== undefined && call.bind(fd, local, local.length) !== 0) return closeRefused(fd)
  if (peer !== undefined && call.connect(fd, peer, peer.length) !== 0) return closeRefused(fd)
  return fd
}

/** The port of TCP or UDP that a socket is bound to; undefined: it cannot be told (getsockname(2)). */
export function localPort(fd: number): number | undefined {
  const address = Buffer.alloc(16)
  const length = Buffer.from(Uint32Array.of(address.length).buffer)
  return call.getsockname(fd, address, length) === 0 ? address.readUInt16BE(2) : undefined
}

function closeRefused(fd: number): string {
  const error = getSystemErrorName(-koffi.errno())
  closeSync(fd)
  return error
}

/** Sends at once or not at all (send(2), MSG_DONTWAIT). */
export function sendNow(fd: number, message: Uint8Array): Outcome {
  const sent: unknown = call.send(fd, message, message.length, MSG_DONTWAIT)
  return Number(sent) === message.length ? undefined : getSystemErrorName(-koffi.errno())
}

/** The next packet that has come; undefined: none (recv(2), MSG_DONTWAIT). */
export function receiveNow(fd: number, room: number): Buffer | undefined {
  const buffer = Buffer.alloc(room)
  const length = Number(call.recv(fd, buffer, room, MSG_DONTWAIT))
  return length > 0 ? buffer.subarray(0, length) : undefined
}
